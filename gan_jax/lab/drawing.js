"use strict";
// What was recorded, unpacked, and how a frame of it is drawn.

const KINDS = { uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array };

/** Return the numbers of all frames; see `_packed` in page.py for how they are stored. */
const unpack = async ({ type, shape, data }) => {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const count = shape.reduce((product, size) => product * size, 1);
  const each = count / shape[0];
  const numbers = new KINDS[type](count);
  const wide = numbers.BYTES_PER_ELEMENT === 2;
  for (let i = 0; i < count; i += 1) {
    const folded = wide ? planes[i] | (planes[count + i] << 8) : planes[i];
    const change = (folded >>> 1) ^ -(folded & 1);
    numbers[i] = (i < each ? 0 : numbers[i - each]) + change;
  }
  return { frame: (index) => numbers.subarray(index * each, (index + 1) * each) };
};

// --- colours ---------------------------------------------------------------------------------------

const NAMES = ["real", "fake", "manifold", "arrow", "boundary", "card", "line", "soft", "accent"];
const colours = {};
const palette = new Uint8ClampedArray(256 * 4); // from surely generated to surely real

const readColours = () => {
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue(`--${name}`).trim();
  const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  for (const name of NAMES) colours[name] = value(name);
  const [fake, middle, sure] = ["fake", "middle", "real"].map((n) => channels(value(`heat-${n}`)));
  for (let i = 0; i < 256; i += 1) {
    const share = Math.abs((2 * i) / 255 - 1);
    const end = i < 128 ? fake : sure;
    palette.set([...middle.map((from, c) => from + (end[c] - from) * share), 255], 4 * i);
  }
};

// --- the view --------------------------------------------------------------------------------------

/** Fit a canvas to its size on the screen, and return its context in pixels of the page. */
const prepare = (canvas) => {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
};

const picture = document.createElement("canvas");

/** Fill the view with shares of 255, row 0 at the bottom. */
const drawHeat = (context, size, shares, resolution) => {
  Object.assign(picture, { width: resolution, height: resolution });
  const inner = picture.getContext("2d");
  const image = inner.createImageData(resolution, resolution);
  for (let i = 0; i < shares.length; i += 1) {
    const row = resolution - 1 - Math.floor(i / resolution);
    const at = 4 * (row * resolution + (i % resolution));
    for (let c = 0; c < 4; c += 1) image.data[at + c] = palette[4 * shares[i] + c];
  }
  inner.putImageData(image, 0, 0);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, size, size);
};

/** Draw where shares of 255 pass the middle, by marching squares between the cells' centres. */
const drawBoundary = (context, size, shares, resolution) => {
  const middle = 127.5;
  const cell = size / resolution;
  const place = (row, column) => [(column + 0.5) * cell, size - (row + 0.5) * cell];
  context.beginPath();
  for (let row = 0; row + 1 < resolution; row += 1) {
    for (let column = 0; column + 1 < resolution; column += 1) {
      const around = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]];
      const values = around.map(([r, c]) => shares[r * resolution + c]);
      const crossings = [];
      for (let side = 0; side < 4; side += 1) {
        const [a, b] = [values[side], values[(side + 1) % 4]];
        if (a < middle === b < middle) continue;
        const t = (middle - a) / (b - a);
        const [from, to] = [place(...around[side]), place(...around[(side + 1) % 4])];
        crossings.push([from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])]);
      }
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        context.moveTo(...crossings[i]);
        context.lineTo(...crossings[i + 1]);
      }
    }
  }
  context.globalAlpha = 0.55;
  context.strokeStyle = colours.boundary;
  context.lineWidth = 1.25;
  context.stroke();
  context.globalAlpha = 1;
};

const drawDots = (context, points, colour, radius, alpha, halo) => {
  context.beginPath();
  for (const [x, y] of points) {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
  }
  if (halo) {
    context.strokeStyle = colours.card;
    context.lineWidth = 1.5;
    context.stroke();
  }
  context.globalAlpha = alpha;
  context.fillStyle = colour;
  context.fill();
  context.globalAlpha = 1;
};

const drawCentres = (context, points) => {
  context.beginPath();
  for (const [x, y] of points) {
    context.moveTo(x - 4, y);
    context.lineTo(x + 4, y);
    context.moveTo(x, y - 4);
    context.lineTo(x, y + 4);
  }
  context.strokeStyle = colours.soft;
  context.lineWidth = 1;
  context.stroke();
};

const drawSheet = (context, points, side, typical) => {
  for (let row = 0; row + 1 < side; row += 1) {
    for (let column = 0; column + 1 < side; column += 1) {
      const at = row * side + column;
      const corners = [points[at], points[at + 1], points[at + side + 1], points[at + side]];
      const [[ax, ay], [bx, by], [cx, cy], [dx, dy]] = corners;
      const area = Math.abs((cx - ax) * (dy - by) - (dx - bx) * (cy - ay)) / 2;
      context.beginPath();
      for (const corner of corners) context.lineTo(...corner);
      context.closePath();
      context.globalAlpha = Math.min(0.7, 0.12 * Math.sqrt(typical / Math.max(area, 0.01)));
      context.fill();
    }
  }
  context.beginPath();
  for (let line = 0; line < side; line += 1) {
    for (let i = 0; i < side; i += 1) {
      context[i ? "lineTo" : "moveTo"](...points[line * side + i]);
    }
    for (let i = 0; i < side; i += 1) {
      context[i ? "lineTo" : "moveTo"](...points[i * side + line]);
    }
  }
  context.globalAlpha = 0.6;
  context.lineWidth = 0.75;
  context.stroke();
};

/** Draw sheets of cells that all hold the same mass: the smaller the denser, and the darker. */
const drawManifold = (context, size, points, side) => {
  const sheets = points.length / side ** 2;
  const typical = (size / side) ** 2 / sheets;
  context.fillStyle = context.strokeStyle = colours.manifold;
  for (let sheet = 0; sheet < sheets; sheet += 1) {
    drawSheet(context, points.slice(sheet * side ** 2, (sheet + 1) * side ** 2), side, typical);
  }
  context.globalAlpha = 1;
};

const drawArrows = (context, points, arrows, longest) => {
  context.beginPath();
  points.forEach(([x, y], i) => {
    const [u, v] = [arrows[2 * i] * longest, -arrows[2 * i + 1] * longest];
    const length = Math.hypot(u, v);
    if (length < 1) return;
    const head = Math.min(4, length / 2) / length;
    const [tipX, tipY] = [x + u, y + v];
    context.moveTo(x, y);
    context.lineTo(tipX, tipY);
    context.moveTo(tipX - head * (u + 0.6 * v), tipY - head * (v - 0.6 * u));
    context.lineTo(tipX, tipY);
    context.lineTo(tipX - head * (u - 0.6 * v), tipY - head * (v + 0.6 * u));
  });
  context.strokeStyle = colours.arrow;
  context.lineWidth = 1.1;
  context.globalAlpha = 0.8;
  context.stroke();
  context.globalAlpha = 1;
};

/** Draw one frame of a run with the layers that are on. */
const drawView = (canvas, view, run, arrays, index, layers) => {
  const { context, width: size } = prepare(canvas);
  const places = (numbers) => {
    const points = [];
    for (let i = 0; i < numbers.length; i += 2) {
      const [x, y] = [0, 1].map((c) => view.margin * ((2 * numbers[i + c]) / view.levels - 1));
      points.push([((1 + x) / 2) * size, ((1 - y) / 2) * size]);
    }
    return points;
  };
  const logits = arrays.logits.frame(index);
  const best = layers.optimal && arrays.optimal;
  const plain = `rgb(${palette.slice(4 * 127, 4 * 127 + 3).join(" ")})`;
  context.fillStyle = plain;
  context.fillRect(0, 0, size, size);
  if (best) drawHeat(context, size, arrays.optimal.frame(index), run.resolution);
  else if (layers.discriminator) drawHeat(context, size, logits, run.resolution);
  if (layers.discriminator) drawBoundary(context, size, logits, run.resolution);
  if (layers.data) {
    drawCentres(context, view.centres.map(([x, y]) => [
      ((1 + x / view.extent) / 2) * size, ((1 - y / view.extent) / 2) * size,
    ]));
    drawDots(context, places(view.points), colours.real, Math.max(1, size / 300), 0.55, false);
  }
  const manifold = places(arrays.manifold.frame(index));
  if (layers.manifold) drawManifold(context, size, manifold, run.side);
  const fakes = places(arrays.fake.frame(index));
  if (layers.gradients) {
    drawArrows(context, fakes, arrays.arrows.frame(index), size / (18 * view.arrowLevels));
  }
  if (layers.fakes) drawDots(context, fakes, colours.fake, Math.max(1.75, size / 190), 0.95, true);
};

// --- curves ----------------------------------------------------------------------------------------

/** Return the lowest and the highest of a chart; a few outliers go past its edge. */
const rangeOf = (names, series, modes) => {
  if (names[0] === "high_quality") return [0, 1];
  const all = series.flat().filter((value) => value !== null).sort((a, b) => a - b);
  if (!all.length) return [0, 1];
  const at = (share) => all[Math.round(share * (all.length - 1))];
  if (names[0] === "modes") return [0, Math.max(modes, at(1))];
  const [low, high] = [at(0.01), at(0.99)];
  const margin = 0.05 * (high - low) || 0.5;
  return [low - margin, high + margin];
};

/** Draw lines over the steps, and a cursor at the frame shown. */
const drawChart = (canvas, steps, series, [low, high], lineColours, index) => {
  const { context, width, height } = prepare(canvas);
  const last = steps.length - 1;
  const span = steps[last] - steps[0] || 1;
  const x = (i) => 3 + ((steps[i] - steps[0]) / span) * (width - 6);
  const y = (value) => height - 4 - ((value - low) / (high - low)) * (height - 8);
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.strokeRect(0.5, 0.5, width - 1, height - 1);
  context.save();
  context.beginPath();
  context.rect(1, 1, width - 2, height - 2);
  context.clip();
  series.forEach((values, line) => {
    context.beginPath();
    let down = false;
    values.forEach((value, i) => {
      if (value !== null) context[down ? "lineTo" : "moveTo"](x(i), y(value));
      down = value !== null;
    });
    context.strokeStyle = lineColours[line];
    context.lineWidth = 1.5;
    context.lineJoin = "round";
    context.stroke();
  });
  context.restore();
  context.fillStyle = colours.soft;
  context.fillRect(x(index) - 0.5, 1, 1, height - 2);
  series.forEach((values, line) => {
    if (values[index] === null) return;
    const shown = Math.max(3, Math.min(height - 3, y(values[index])));
    drawDots(context, [[x(index), shown]], lineColours[line], 3, 1, true);
  });
};
