"""Which company a row means: by corporate number, else by core name with legal form; new ones are added."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.rules.drafts import Draft
from campaigns.storage.people import Company


class CompanyBook:
    """Companies by corporate number and by core name with legal form; new ones are added as they come."""

    def __init__(self, known: Sequence[Company]) -> None:
        self.by_number: dict[str, Company] = {}
        self.by_name: dict[tuple[str, str], list[Company]] = {}
        self.added: list[Company] = []
        self.filled: list[tuple[Company, str, str]] = []
        for company in known:
            self._index(company)

    def _index(self, company: Company) -> None:
        if company.values.get("hojin_no"):
            self.by_number.setdefault(company.values["hojin_no"], company)
        self.by_name.setdefault((company.core_key, company.legal_form), []).append(company)

    def find_or_add(self, draft: Draft) -> Company:
        company = self._find(draft)
        said = {
            "hojin_no": draft.hojin_no, "zip": draft.zip, "address": draft.address, "tel": draft.tel,
            "fax": draft.fax, "url": draft.url, "industry": draft.industry, "employees_band": draft.employees,
        }  # fmt: skip
        if company is None:
            company = Company(0, bare_name(draft), draft.core, draft.form, draft.position, said)
            self.added.append(company)
            self._index(company)
            return company
        for name, value in said.items():
            if value and not company.values.get(name):
                company.values[name] = value
                if company.id:  # an added one has no id yet
                    self.filled.append((company, name, value))
                if name == "hojin_no":
                    self.by_number.setdefault(value, company)
        return company

    def _find(self, draft: Draft) -> Company | None:
        if draft.hojin_no and draft.hojin_no in self.by_number:
            return self.by_number[draft.hojin_no]
        for company in self.by_name.get(draft.company_id_key, ()):
            number = company.values.get("hojin_no")
            if not (number and draft.hojin_no):
                return company
        return None


def bare_name(draft: Draft) -> str:
    """The name as written, without the branch, which is the affiliation's."""
    return draft.company.removesuffix(draft.site).strip() if draft.site else draft.company
