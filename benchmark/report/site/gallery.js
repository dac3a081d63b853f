"use strict";
// Pictures of one face side by side, with a divider that mouse, finger and arrow keys move.
facebench.gallery = (function () {
  const { make } = facebench;
  const by = (id) => document.getElementById(id);

  function picturesOf(face) {
    return [
      { name: "LR", src: face.lr, small: true },
      ...face.outputs.map((output) => ({ name: output.name, src: output.src, psnr: output.psnr })),
      { name: "HR", src: face.hr },
      ...face.references.map((reference, place) => ({
        name: `Reference ${place + 1}`, src: reference.src, score: reference.score,
      })),
    ];
  }

  function caption(picture) {
    if (picture.psnr !== undefined) return `${picture.name}, ${picture.psnr.toFixed(2)} dB`;
    if (picture.score !== undefined) return `${picture.name}, score ${picture.score.toFixed(3)}`;
    return picture.name;
  }

  function show(image, picture, face) {
    image.src = picture.src;
    image.alt = `${face.name}: ${picture.name}`;
    image.classList.toggle("pixels", Boolean(picture.small));
    return image;
  }

  function strip(list, pictures, face) {
    list.replaceChildren(...pictures.map((picture) =>
      make("li", {}, show(make("img"), picture, face), caption(picture))));
  }

  function start(gallery) {
    const faces = gallery.faces;
    by("gallery").hidden = false;
    by("gallery-about").textContent = gallery.about;
    const names = picturesOf(faces[0]).map((picture) => picture.name);
    const state = { face: 0 };
    for (const [id, chosen] of [["left-choice", names[gallery.start]], ["right-choice", "HR"]]) {
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
      const pictures = picturesOf(face);
      for (const side of ["left", "right"]) {
        const picture = pictures.find((one) => one.name === by(`${side}-choice`).value);
        show(by(`${side}-picture`), picture, face);
        by(`${side}-caption`).textContent = caption(picture);
      }
      strip(by("references"), pictures.filter((one) => one.score !== undefined), face);
      strip(by("outputs"), pictures.filter((one) => one.score === undefined), face);
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
