// Before the first paint: the theme that was chosen here, else the system's.
(function () {
  const names = ["auto", "light", "dark"];
  let chosen = "auto";
  try { chosen = localStorage.getItem("theme") || "auto"; } catch { /* storage is switched off */ }
  function apply(name) {
    chosen = names.includes(name) ? name : "auto";
    if (chosen === "auto") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.setAttribute("data-theme", chosen);
  }
  apply(chosen);
  window.theme = {
    get name() { return chosen; },
    next() {
      apply(names[(names.indexOf(chosen) + 1) % names.length]);
      try { localStorage.setItem("theme", chosen); } catch { /* for this visit alone */ }
      window.dispatchEvent(new Event("themechange"));
    },
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => window.dispatchEvent(new Event("themechange")));
})();
