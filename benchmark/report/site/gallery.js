"use strict";
// Images of one face side by side, with a divider that mouse, finger and arrow keys move.
facebench.gallery = (function () {
  const { make } = facebench;
  const by = (id) => document.getElementById(id);

  function imagesOf(face) {
    return [
      { name: "LR", src: face.lr, lr: true },
      ...face.outputs.map((output) => ({ name: output.name, src: output.src, psnr: output.psnr })),
      { name: "HR", src: face.hr },
      ...face.references.map((reference, place) => ({
        name: `Reference ${place + 1}`, src: reference.src, score: reference.score,
      })),
    ];
  }

  function caption(image) {
    if (image.psnr !== undefined) return `${image.name}, ${image.psnr.toFixed(2)} dB`;
    if (image.score !== undefined) return `${image.name}, ${image.score.toFixed(2)} alike`;
    return image.name;
  }

  function show(node, image, face) {
    node.src = image.src;
    node.alt = `${face.name}: ${image.name}`;
    node.classList.toggle("pixels", Boolean(image.lr));
    return node;
  }

  // A face a row: LR, its references with how alike they are, HR.
  function beside(list, faces) {
    const figure = (image, face) => make("figure", { class: image.score === undefined ? "probe" : "reference" },
      show(make("img"), image, face),
      make("figcaption", {}, image.score === undefined ? image.name : `${image.score.toFixed(2)} alike`));
    list.replaceChildren(...faces.map((face) => {
      const [lr, hr, ...references] = imagesOf(face).filter((image) => image.psnr === undefined);
      return make("li", {}, ...[lr, ...references, hr].map((image) => figure(image, face)));
    }));
  }

  function strip(list, images, face) {
    list.replaceChildren(...images.map((image) =>
      make("li", {}, show(make("img"), image, face), caption(image))));
  }

  function start(gallery) {
    const faces = gallery.faces;
    by("gallery").hidden = by("beside").hidden = false;
    beside(by("references"), faces);
    by("gallery-about").textContent = gallery.about;
    const names = imagesOf(faces[0]).map((image) => image.name);
    const state = { face: 0 };
    for (const [id, chosen] of [["left-choice", gallery.left], ["right-choice", gallery.right]]) {
      by(id).replaceChildren(...names.map((name) => make("option", {}, name)));
      by(id).value = chosen;
      by(id).addEventListener("change", draw);
    }
    by("faces").append(...faces.map((face, place) => {
      const radio = make("input", { type: "radio", name: "face", value: place });
      radio.checked = place === 0;
      radio.addEventListener("change", () => {
        state.face = place;
        draw();
      });
      return make("label", {}, radio, make("img", { src: face.hr, alt: face.name }));
    }));
    by("split").addEventListener("input", move);

    function draw() {
      const face = faces[state.face];
      const images = imagesOf(face);
      for (const side of ["left", "right"]) {
        const image = images.find((one) => one.name === by(`${side}-choice`).value);
        show(by(`${side}-image`), image, face);
        by(`${side}-caption`).textContent = caption(image);
      }
      strip(by("outputs"), images.filter((one) => one.score === undefined), face);
      move();
    }

    function move() {
      const at = by("split").value;
      by("slider").style.setProperty("--at", `${at}%`);
      const [left, right] = ["left-choice", "right-choice"].map((id) => by(id).value);
      by("split").setAttribute("aria-valuetext", `${at} % ${left}, then ${right}`);
    }

    draw();
  }

  return start;
})();
