"use strict";
// Charts of uPlot in the colours of the style sheet. Each is drawn anew when its width or the colours change.

const charts = (() => {
  const drawn = new Map(); // element -> how to draw it anew

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  const axis = (more) => ({
    stroke: colour("soft"),
    grid: { stroke: colour("line"), width: 1 },
    ticks: { stroke: colour("line"), width: 1 },
    font: "12px system-ui, sans-serif",
    ...more,
  });

  const base = (box) => ({
    width: box.clientWidth,
    height: box.clientHeight,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0],
  });

  // Keep what draws a chart, and draw it.
  function draw(box, options, data) {
    drawn.get(box)?.chart.destroy();
    const made = { options, data, chart: new uPlot({ ...base(box), ...options() }, data, box) };
    drawn.set(box, made);
    watcher.observe(box);
  }

  function clear(box) {
    drawn.get(box)?.chart.destroy();
    drawn.delete(box);
    watcher.unobserve(box);
  }

  function redraw(box) {
    const { options, data } = drawn.get(box);
    draw(box, options, data);
  }

  const watcher = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const { chart } = drawn.get(target);
      if (chart.width !== target.clientWidth) chart.setSize({ width: target.clientWidth, height: target.clientHeight });
    }
  });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => [...drawn.keys()].forEach(redraw));

  const around = (least, most) => (_, min, max) => {
    const low = Math.min(least, min ?? 0);
    const high = Math.max(most, max ?? 0);
    return [low < 0 ? low * 1.1 : low, high * 1.1];
  };

  // The power over time: it holds from one point to the next.
  // times: s; span: s that are shown; format: of the numbers on the left; clock: of the times below
  function line(box, times, values, span, format, clock) {
    const data = [times, values];
    const known = drawn.get(box);
    if (known) {
      known.data = data;
      known.chart.setData(data);
      return;
    }
    draw(box, () => ({
      scales: { x: { range: (_, first, last) => [last - span, last] }, y: { range: around(0, 100) } },
      axes: [axis({ size: 32, space: 56, values: (_, splits) => splits.map(clock) }), axis({ values: (_, splits) => splits.map(format), size: 64 })],
      series: [{}, {
        stroke: colour("import"), fill: `${colour("import")}33`, width: 2, paths: uPlot.paths.stepped({ align: 1 }),
        points: { show: false },
      }],
    }), data);
  }

  // Columns or lines over names. series: [{values, colour, dash}]; columns below 0 hang down
  function overNames(box, names, series, format, isColumns) {
    // As many names as fit.
    const shown = (chart) => {
      const every = Math.ceil(names.length / Math.max(1, Math.floor(chart.width / 56)));
      return names.map((_, at) => at).filter((at) => at % every === 0);
    };
    const columns = { width: 0, paths: uPlot.paths.bars({ size: [0.75, 60] }), points: { show: false } };
    const lines = { width: 2, points: { show: true, size: 5 } };
    draw(box, () => ({
      scales: {
        x: { time: false, range: [-0.5, names.length - 0.5] },
        y: isColumns ? { range: around(0, 0.1) } : {},
      },
      axes: [
        axis({
          splits: shown, size: 32, grid: { show: false }, values: (_, splits) => splits.map((at) => names[at]),
        }),
        axis({ values: (_, splits) => splits.map(format), size: 64 }),
      ],
      series: [{}, ...series.map((one) => (isColumns
        ? { ...columns, fill: colour(one.colour) }
        : { ...lines, stroke: colour(one.colour), dash: one.dash }))],
    }), [names.map((_, at) => at), ...series.map((one) => one.values)]);
  }

  return { line, overNames, clear };
})();
