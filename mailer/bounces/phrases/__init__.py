"""What mail servers say, by language and reason; `wording` puts them in order."""
