/* What the tests ask of a page as it is shown. */
(() => {
  const channel = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const rgba = (text) => {
    const parts = text.match(/[\d.]+/g).map(Number);
    return { rgb: parts.slice(0, 3), alpha: parts.length > 3 ? parts[3] : 1 };
  };
  const luminance = (rgb) => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
  /* WCAG 2.2, contrast ratio. */
  const ratio = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const found = rgba(getComputedStyle(each).backgroundColor);
      if (found.alpha === 1) return found.rgb;
      if (found.alpha !== 0) throw new Error(`a background that is half transparent: ${each.className}`);
    }
    return [255, 255, 255];
  };
  const texts = () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      const hidden = element.closest("title, desc, style, .unseen");
      if (walker.currentNode.textContent.trim() && !hidden && element.getClientRects().length) found.push(element);
    }
    return found;
  };
  const described = (picture) =>
    picture.getAttribute("aria-labelledby").split(" ").map((id) => document.getElementById(id).textContent.trim());
  window.looks = {
    contrasts: () =>
      texts().map((element) => {
        const style = getComputedStyle(element);
        const ink = rgba(element.closest("svg") ? style.fill : style.color).rgb;
        return { text: element.textContent.slice(0, 40), ratio: ratio(ink, behind(element)) };
      }),
    /* Texts of pictures that reach beyond their picture by more than a pixel. */
    outside: () =>
      [...document.querySelectorAll("svg[role=img] text")]
        .filter((text) => {
          const [own, frame] = [text.getBoundingClientRect(), text.closest("svg").getBoundingClientRect()];
          return own.left < frame.left - 1 || own.right > frame.right + 1 || own.bottom > frame.bottom + 2;
        })
        .map((text) => text.textContent),
    scrolling: () =>
      [...document.querySelectorAll(".scroll")]
        .filter((region) => region.scrollWidth > region.clientWidth + 1)
        .map((region) => region.getAttribute("aria-label")),
    structure: () => ({
      lang: document.documentElement.lang,
      landmarks: Object.fromEntries(["header", "main", "nav"].map((name) => [name, document.querySelectorAll(`body > ${name}`).length])),
      headings: [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((each) => Number(each.tagName[1])),
      tables: [...document.querySelectorAll("table")].map((table) => {
        const region = table.closest("[role=region]");
        return {
          caption: table.caption?.textContent.trim() ?? "",
          scoped: table.querySelectorAll("th").length > 0 && [...table.querySelectorAll("th")].every((head) => ["col", "row"].includes(head.scope)),
          focusable: region?.tabIndex === 0 && Boolean(region.getAttribute("aria-label")),
        };
      }),
      pictures: [...document.querySelectorAll("svg[role=img]")].map((picture) => {
        const [title, description] = described(picture);
        return { title, description };
      }),
      unnamed: document.querySelectorAll("svg:not([role=img]):not([aria-hidden=true])").length,
    }),
  };
})();
