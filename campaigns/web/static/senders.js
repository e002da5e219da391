// Copy a DNS record. Without script the record can still be selected by hand.
(function () {
  "use strict";
  function byHand(text) {
    var box = document.createElement("textarea");
    box.value = text;
    box.setAttribute("readonly", "");
    box.className = "hidden-words";
    document.body.appendChild(box);
    box.select();
    var done = document.execCommand("copy");
    box.remove();
    return done ? Promise.resolve() : Promise.reject(new Error("not copied"));
  }
  function copy(text) {
    // The clipboard is there on https and on localhost alone.
    if (!navigator.clipboard) return byHand(text);
    return navigator.clipboard.writeText(text).catch(function () { return byHand(text); });
  }
  document.querySelectorAll("[data-copy]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      var said = button.querySelector("[data-said]"), before = said.textContent;
      copy(button.parentNode.querySelector("[data-copies]").textContent).then(function () {
        said.textContent = said.dataset.done;
        setTimeout(function () { said.textContent = before; }, 2000);
      }, function () {});
    });
  });
})();
