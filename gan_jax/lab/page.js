// The controls: which runs are shown, with which layers, at which frame.

const byId = (id) => document.getElementById(id);
const read = (element) => JSON.parse(element.textContent);
const FRAMES_PER_SECOND = 12;

const view = read(byId("view"));
const runs = [...document.querySelectorAll("script.run")].map(read);
const layers = {};
const lastFrame = view.steps.length - 1;
const slider = byId("slider");
let frame = 0;

// --- panels ----------------------------------------------------------------------------------------

const loaded = new Map();
const load = (run) => {
  if (!loaded.has(run)) {
    const each = Object.entries(run.arrays).map(async ([name, it]) => [name, await unpack(it)]);
    loaded.set(run, Promise.all(each).then(Object.fromEntries));
  }
  return loaded.get(run);
};

const panels = [...document.querySelectorAll(".panel")].map((element) => ({
  element,
  select: element.querySelector("select"),
  canvas: element.querySelector("canvas.view"),
  about: element.querySelector(".about"),
  charts: element.querySelector(".charts"),
  run: null,
  arrays: null,
  curves: [],
}));

const shownNumber = (value) => {
  if (value === null) return "–";
  const digits = Math.abs(value) < 0.1 ? 2 : 3;
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
};

/** Put a run's charts under its picture: the losses together, every other figure by itself. */
const makeCharts = (panel) => {
  const { run } = panel;
  const names = Object.keys(run.values);
  const losses = names.filter((name) => name.endsWith("_loss"));
  const others = names.filter((name) => !losses.includes(name)).map((name) => [name]);
  const groups = losses.length ? [losses, ...others] : others;
  panel.charts.replaceChildren();
  panel.curves = groups.map((group) => {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    const canvas = document.createElement("canvas");
    const numbers = group.map((name) => {
      const label = document.createElement("span");
      const number = document.createElement("b");
      label.style.setProperty("--line-colour", `var(--${lineColour(name)})`);
      label.append(`${name.replaceAll("_", " ")} `, number);
      caption.append(label);
      return number;
    });
    figure.className = group === losses ? "chart wide" : "chart";
    figure.append(caption, canvas);
    panel.charts.append(figure);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${group.join(", ").replaceAll("_", " ")} over the steps`);
    const seek = (event) => {
      if (!event.buttons) return;
      pause();
      const share = Math.max(0, Math.min(1, (event.offsetX - 3) / (canvas.clientWidth - 6)));
      show(nearestFrame(share));
    };
    canvas.addEventListener("pointerdown", seek);
    canvas.addEventListener("pointermove", seek);
    const series = group.map((name) => run.values[name]);
    return { group, canvas, numbers, series, range: rangeOf(group, series, view.centres.length) };
  });
};

const lineColour = (name) =>
  ({ discriminator_loss: "real", generator_loss: "fake" })[name] ?? "accent";

const nearestFrame = (share) => {
  const step = view.steps[0] + share * (view.steps[lastFrame] - view.steps[0]);
  const distances = view.steps.map((each) => Math.abs(each - step));
  return distances.indexOf(Math.min(...distances));
};

const draw = (panel) => {
  const { run, arrays } = panel;
  if (!arrays) return;
  drawView(panel.canvas, view, run, arrays, frame, layers);
  const outside = run.outside[frame];
  const notes = [
    run.about,
    run.relative && "The logits have no absolute level: colours are relative to the middle.",
    outside && `${outside} of the generated points ${outside === 1 ? "is" : "are"} outside of the view.`,
  ];
  panel.about.textContent = notes.filter(Boolean).join(" ");
  const figures = [];
  for (const { group, canvas, numbers, series, range } of panel.curves) {
    drawChart(canvas, view.steps, series, range, group.map((n) => colours[lineColour(n)]), frame);
    group.forEach((name, line) => {
      numbers[line].textContent = shownNumber(series[line][frame]);
      figures.push(`${name.replaceAll("_", " ")} ${numbers[line].textContent}`);
    });
  }
  const step = view.steps[frame].toLocaleString("en");
  panel.canvas.setAttribute("aria-label", [`${run.name} at step ${step}`, ...figures].join(", "));
};

const drawAll = () => panels.forEach(draw);

const choose = async (panel) => {
  const run = runs[Number(panel.select.value)] ?? null;
  Object.assign(panel, { run, arrays: null });
  const one = panels.some((each) => each.select.value === "none");
  document.querySelector(".panels").classList.toggle("one", one);
  for (const part of [panel.canvas, panel.about, panel.charts]) part.hidden = !run;
  panel.element.classList.toggle("empty", !run);
  const known = panels.some((each) => each.run?.arrays.optimal);
  document.querySelector("[data-layer=optimal]").disabled = !known;
  if (!run) {
    drawAll();
    return;
  }
  const arrays = await load(run);
  if (panel.run !== run) return; // Another was chosen meanwhile.
  panel.arrays = arrays;
  makeCharts(panel);
  drawAll();
};

// --- time ------------------------------------------------------------------------------------------

const show = (index) => {
  frame = Math.max(0, Math.min(lastFrame, index));
  slider.value = frame;
  const step = `step ${view.steps[frame].toLocaleString("en")}`;
  byId("step").textContent = step;
  slider.setAttribute("aria-valuetext", step);
  drawAll();
};

let playing = null;

const pause = () => {
  if (playing !== null) cancelAnimationFrame(playing);
  playing = null;
  byId("play").classList.remove("playing");
  byId("play").setAttribute("aria-label", "play");
};

const play = () => {
  if (frame === lastFrame) show(0);
  let due = null;
  const tick = (now) => {
    due ??= now;
    const interval = 1000 / (FRAMES_PER_SECOND * Number(byId("speed").value));
    const frames = Math.floor((now - due) / interval);
    if (frames > 0) {
      due = frames > 5 ? now : due + frames * interval; // After a pause of the page: go on from here.
      show(frame + Math.min(frames, 5));
    }
    if (frame === lastFrame) pause();
    else playing = requestAnimationFrame(tick);
  };
  playing = requestAnimationFrame(tick);
  byId("play").classList.add("playing");
  byId("play").setAttribute("aria-label", "pause");
};

const toggle = () => (playing === null ? play() : pause());
const go = (index) => {
  pause();
  show(index);
};

const buttons = [...document.querySelectorAll("[data-layer]")];
const setLayer = (button, on) => {
  layers[button.dataset.layer] = on;
  button.setAttribute("aria-pressed", String(on));
  drawAll();
};
const flip = (button) => {
  if (!button.disabled) setLayer(button, !layers[button.dataset.layer]);
};

const onKey = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { target, key } = event;
  if (target.closest("select, textarea") || (key === " " && target.closest("button"))) return;
  const actions = {
    " ": toggle,
    ArrowLeft: () => go(frame - 1),
    ArrowRight: () => go(frame + 1),
    Home: () => go(0),
    End: () => go(lastFrame),
  };
  const action = actions[key] ?? (buttons[key - 1] && (() => flip(buttons[key - 1])));
  if (!action) return;
  event.preventDefault();
  action();
};

// --- start -----------------------------------------------------------------------------------------

const listen = () => {
  byId("play").addEventListener("click", toggle);
  byId("back").addEventListener("click", () => go(frame - 1));
  byId("forward").addEventListener("click", () => go(frame + 1));
  slider.addEventListener("input", () => go(Number(slider.value)));
  document.addEventListener("keydown", onKey);
  for (const button of buttons) button.addEventListener("click", () => flip(button));
  for (const panel of panels) panel.select.addEventListener("change", () => choose(panel));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColours();
    drawAll();
  });
  new ResizeObserver(drawAll).observe(document.querySelector(".panels"));
};

const listenToCopy = () => {
  const copy = byId("copy");
  copy.addEventListener("click", async () => {
    const command = byId("command");
    try {
      await navigator.clipboard.writeText(command.textContent);
      copy.textContent = "Copied";
    } catch { // Not allowed here: select it, so that the keyboard can.
      getSelection().selectAllChildren(command);
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
};

const start = async () => {
  view.points = (await unpack(view.real)).frame(0);
  readColours();
  byId("lab").hidden = false;
  slider.max = lastFrame;
  for (const button of buttons) {
    layers[button.dataset.layer] = button.getAttribute("aria-pressed") === "true";
  }
  panels.forEach((panel, side) => {
    runs.forEach((run, index) => panel.select.add(new Option(run.name, index)));
    if (side) panel.select.add(new Option("none", "none"));
    panel.select.value = runs[side] ? side : "none";
  });
  panels[1].element.hidden = runs.length === 1;
  document.querySelector(".panels").classList.toggle("alone", runs.length === 1);
  listen();
  await Promise.all(panels.map(choose));
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  show(still ? lastFrame : 0);
  if (!still) play();
  document.documentElement.dataset.ready = "";
};

listenToCopy();
start().catch((error) => {
  byId("problem").textContent = typeof DecompressionStream === "undefined"
    ? "This browser is too old to unpack the recordings."
    : `The recordings can't be played: ${error.message}`;
  byId("problem").hidden = false;
});
