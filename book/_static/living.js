// The living machine of chapter 7 (book/_ext/companion_living.py): a trained machine whose block Gibbs chain runs here.
// Same numbers as lib.rbm.sampling.sample(..., precision="float64") with one chain: tests compare them spin by spin.
"use strict";

// A machine without its `removed` smallest weights.  Where `kept` is true the biases take over the fields that these
// weights had in terms of spins +-1: a quarter of W times either spin, half of it as a bias of a bit.
class LivingMachine {
  constructor({ weights, visible, hidden, field }, removed, kept) {
    const order = weights.flatMap((row, i) => row.map((w, j) => [Math.abs(w), i, j])).sort((a, b) => a[0] - b[0]);
    this.weights = weights.map(row => [...row]);
    this.visible = [...visible];
    this.hidden = [...hidden];
    this.field = field;
    for (const [, i, j] of order.slice(0, removed)) {
      if (kept) {
        this.visible[i] += weights[i][j] / 2;
        this.hidden[j] += weights[i][j] / 2;
      }
      this.weights[i][j] = 0;
    }
    this.middle = Math.floor((visible.length - 1) / 2);
  }

  // Begin a chain with all bits one, and the four 32-bit words of its generator.
  begin(words) {
    this.words = Int32Array.from(words, word => word | 0);
    this.bits = this.visible.map(() => 1);
    this.sweeps = 0;
    this.sums = { order: 0, energy: 0, spins: this.visible.map(() => 0), pairs: this.visible.map(() => 0) };
  }

  // xoshiro128+: 32 random bits, as an integer with a sign.
  random() {
    const s = this.words, bits = (s[0] + s[3]) | 0, shifted = s[1] << 9;
    s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]; s[2] ^= shifted;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return bits;
  }

  // A bit that is 1 with probability S(a): with t uniform on [-1, 1], t < tanh(a/2) = (1 - e^-a) / (1 + e^-a).
  decide(a) {
    const e = Math.exp(Math.min(Math.max(-a, -700), 700)), t = (this.random() + 0.5) * 2 ** -31;
    return t * (1 + e) < 1 - e ? 1 : 0;
  }

  // What the hidden units see, in the order of additions of lib.
  fields() {
    return this.hidden.map((bias, j) => this.bits.reduce((a, bit, i) => a + this.weights[i][j] * bit, bias));
  }

  sweep() {
    const hidden = this.fields().map(a => this.decide(a));
    this.bits = this.visible.map((bias, i) => this.decide(hidden.reduce((a, bit, j) => a + this.weights[i][j] * bit, bias)));
    this.sweeps += 1;
    const spins = this.bits.map(bit => 2 * bit - 1), { sums } = this;
    sums.order += Math.abs(spins.reduce((a, b) => a + b)) / spins.length;
    sums.energy += this.localEnergy(spins);
    spins.forEach((spin, i) => {
      sums.spins[i] += spin;
      sums.pairs[i] += spin * spins[this.middle];
    });
  }

  // (H psi)(v) / psi(v) of the transverse-field Ising chain, psi = sqrt(p): one ratio of amplitudes for each flip.
  localEnergy(spins) {
    const inputs = this.fields(), softplus = a => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)));
    let energy = 0;
    spins.forEach((spin, i) => {
      if (i) energy -= spin * spins[i - 1];
      const log = inputs.reduce((sum, a, j) => sum + softplus(a - spin * this.weights[i][j]) - softplus(a),
                                -spin * this.visible[i]);
      energy -= this.field * Math.exp(log / 2);
    });
    return energy;
  }

  // Means over the sweeps so far: <|m|>, energy, and C(d) of the middle spin.
  estimates() {
    const n = this.sweeps, { sums } = this, mean = sums.spins.map(sum => sum / n);
    return { order: sums.order / n, energy: sums.energy / n,
             correlation: sums.pairs.map((sum, i) => sum / n - mean[i] * mean[this.middle]).slice(this.middle) };
  }
}

if (typeof document !== "undefined") {
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".living-machine").forEach(live));
}

function live(box) {
  const data = JSON.parse(box.querySelector("script").textContent);
  const n = data.visible.length, size = n * data.hidden.length, calm = matchMedia("(prefers-reduced-motion: reduce)");
  const distances = data.ground.correlation.map((_, d) => d).slice(1);
  const COLUMNS = 160, FIRST = 500;  // sweeps that the tape shows, and that are made before it does
  let machine, tape, timer = null, exact;

  const button = (text, pressed) => {
    const made = element("button", { type: "button" }, text);
    made.addEventListener("click", pressed);
    return made;
  };
  const run = button("Start", () => timer === null ? start() : pause());
  const step = button("One sweep", () => { pause(); sweep(1); show(); tell("One sweep."); });
  const again = button("Restart", () => { begin(); tell("Restarted."); });
  const seed = element("input", { type: "number", min: 1, max: data.generators.length, value: 1 });
  seed.addEventListener("change", () => {
    seed.value = Math.min(Math.max(Math.round(+seed.value) || 1, 1), data.generators.length);
    begin();
    tell(`Seed ${seed.value}.`);
  });
  const removed = slider("Smallest weights removed", size, count => `${count} of ${size}`, () => begin());
  removed.input.addEventListener("change", () => tell(""));
  const kept = element("input", { type: "checkbox", checked: "" });
  kept.addEventListener("change", () => { begin(); tell(""); });
  const canvas = element("canvas", { role: "img", height: 14 * n, width: 4 * COLUMNS });
  const said = element("p", { class: "living-status", role: "status" });
  const svg = element("svg", { class: "plot", role: "img", "aria-label":
    "C(d) against the distance d: the chain, this machine and the ground state. The table has the numbers." });
  const body = element("tbody");
  const rows = [["sweeps", "sweeps"], ["order", "order"], ["energy", "energy"],
                ...distances.map(d => [d, `C(${d})`])].map(([name, label]) => {
    const cells = [0, 1, 2].map(() => element("td"));
    body.append(element("tr", {}, element("th", { scope: "row" }, label), ...cells));
    return [name, cells];
  });
  const table = element("table", { class: "living-table" },
    element("caption", { class: "visually-hidden" }, "Estimates of the running chain beside exact values"),
    element("thead", {}, element("tr", {}, ...["", "this chain", "this machine, exact", "ground state"]
      .map(name => element(name ? "th" : "td", name ? { scope: "col" } : {}, name)))), body);

  function begin() {
    machine = new LivingMachine(data, +removed.input.value, kept.checked);
    machine.begin(data.generators[seed.value - 1]);
    exact = data.exact[kept.checked ? "kept" : "lost"][+removed.input.value];
    tape = [];
    sweep(FIRST);
    show();
  }
  function sweep(count) {
    for (let i = 0; i < count; i++) {
      machine.sweep();
      tape.push(machine.bits);
    }
    tape.splice(0, tape.length - COLUMNS);
  }
  function start() {
    run.textContent = "Pause";
    tell("Running.");
    timer = calm.matches ? setInterval(() => { sweep(30); show(); }, 1500) : setInterval(() => { sweep(1); show(); }, 40);
  }
  function pause() {
    if (timer === null) return;
    clearInterval(timer);
    timer = null;
    run.textContent = "Start";
    tell("Paused.");
  }
  const fixed = (value, digits = 3) => value.toFixed(digits).replace("-", "−");
  function tell(what) {  // read out at a press of a button, never while the chain runs by itself
    const now = machine.estimates();
    said.textContent = `${what} After ${machine.sweeps.toLocaleString("en")} sweeps: order ${fixed(now.order)} (exact ${
      fixed(exact.order)}), energy ${fixed(now.energy)} (exact ${fixed(exact.energy)}).`.trim();
  }
  function show() {
    const now = machine.estimates(), style = getComputedStyle(box), pen = canvas.getContext("2d");
    const colours = ["--spin-down", "--spin-up"].map(name => style.getPropertyValue(name));
    tape.forEach((bits, t) => bits.forEach((bit, i) => {
      pen.fillStyle = colours[bit];
      pen.fillRect(4 * t, 14 * i, 4, 13);
    }));
    canvas.setAttribute("aria-label", `${n} spins in rows, the last ${tape.length} sweeps from left to right; dark is up, light is down.`);
    for (const [name, [own, here, ground]] of rows) {
      const from = values => typeof name === "number" ? values.correlation[name] : values[name];
      own.textContent = name === "sweeps" ? machine.sweeps.toLocaleString("en") : fixed(from(now));
      here.textContent = name === "sweeps" ? "" : fixed(from(exact));
      ground.textContent = name === "sweeps" ? "" : fixed(from(data.ground));
    }
    const points = values => distances.map(d => [d, values.correlation[d]]);
    plot(svg, { label: "distance d", range: [1, distances.length] }, { label: "C(d)", range: [-0.1, 0.8] },
         [{ look: "exact", points: points(data.ground) }, { look: 0, points: points(exact) },
          { look: 1, line: false, points: points(now) }]);
  }

  box.append(
    element("div", { class: "knob-controls" }, removed.label,
            element("label", { class: "living-check" }, kept, "biases take over the fields of removed weights")),
    element("div", { class: "knob-controls" }, run, step, again, element("label", {}, "Seed", seed)),
    canvas, said,
    element("div", { class: "living-panels" }, table,
            element("div", {}, svg, key([["exact", "ground state"], [0, "this machine, exact"], [1, "this chain", false]]))));
  box.classList.add("ready");
  new ResizeObserver(show).observe(svg);
  new MutationObserver(show).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  begin();
}
