/* Marks on a canvas: an optimizer's marker, cross and label, the surface's stars and saddles, arrows.  Imports nothing.

   marker(context, x, y, { colour: "blue", dash: [], marker: "o" }, readTheme(), 5);

   Everything has a casing in the colour of the page, so that it stands out from whatever lies below. */

/** Draws an optimizer's marker, as in a legend; `size` is half its width. */
export function marker(context, x, y, stroke, theme, size) {
  context.beginPath();
  const corners = SHAPES[stroke.marker];
  if (corners) corners.forEach(([a, b], i) => context[i ? "lineTo" : "moveTo"](x + a * size, y + b * size));
  else context.arc(x, y, size, 0, 2 * Math.PI);
  context.closePath();
  context.lineJoin = "round";
  context.strokeStyle = theme.page;
  context.lineWidth = 3;
  context.setLineDash([]);
  context.stroke();
  context.fillStyle = theme[stroke.colour];
  context.fill();
}

/** Marks by matplotlib's letters, as corners around the middle; "o" has none. */
export const SHAPES = {
  s: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
  "^": [[0, -1.15], [1.1, 0.85], [-1.1, 0.85]],
  v: [[0, 1.15], [1.1, -0.85], [-1.1, -0.85]],
  "<": [[-1.15, 0], [0.85, -1.1], [0.85, 1.1]],
  ">": [[1.15, 0], [-0.85, -1.1], [-0.85, 1.1]],
  D: [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]],
  P: plus(0),
  X: plus(Math.PI / 4),
  p: polygon(5, 1.15),
  h: polygon(6, 1.15),
};

function plus(turn) {
  const corners = [[-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4], [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]];
  const [c, s] = [Math.cos(turn), Math.sin(turn)];
  return corners.map(([x, y]) => [c * x - s * y, s * x + c * y]);
}

function polygon(corners, radius, inner = radius) {
  const count = inner === radius ? corners : 2 * corners;
  return Array.from({ length: count }, (_, i) => {
    const [r, turn] = [i % 2 && inner !== radius ? inner : radius, (2 * Math.PI * i) / count - Math.PI / 2];
    return [r * Math.cos(turn), r * Math.sin(turn)];
  });
}

export function line(context, stroke, theme, width, alpha = 1) {
  context.setLineDash(stroke.dash.map((length) => length * width));
  context.lineCap = stroke.dash.length ? "butt" : "round";
  context.strokeStyle = theme[stroke.colour];
  context.lineWidth = width;
  context.globalAlpha = alpha;
  context.stroke();
  context.globalAlpha = 1;
  context.setLineDash([]);
}

export function cross(context, x, y, stroke, theme) {
  context.beginPath();
  for (const [a, b] of [[-1, -1], [-1, 1]]) {
    context.moveTo(x + 6 * a, y + 6 * b);
    context.lineTo(x - 6 * a, y - 6 * b);
  }
  for (const [colour, width] of [[theme.page, 6], [theme[stroke.colour], 3]]) {
    Object.assign(context, { strokeStyle: colour, lineWidth: width, lineCap: "round" });
    context.stroke();
  }
}

/* On which side of its head a name stood last, so that it does not jump about. */
const sides = new WeakMap();

/* A name beside its head, where no other name stands; where there is no room, the table tells who it is. */
export function label(context, text, x, y, plane, theme, taken, colour, whose) {
  const width = context.measureText(text).width;
  const places = [[10, 0], [-10 - width, 0], [10, -15], [10, 15], [-10 - width, -15], [-10 - width, 15], [-width / 2, -19], [-width / 2, 19]];
  const before = sides.get(whose);
  const order = [...places.keys()].sort((a, b) => (b === before) - (a === before));
  for (const side of order) {
    const [dx, dy] = places[side];
    const box = [x + dx, y + dy - 8, x + dx + width, y + dy + 8];
    const inside = box[0] > plane.left && box[2] < plane.left + plane.width && box[1] > plane.top && box[3] < plane.top + plane.height;
    if (!inside || taken.some((b) => box[0] < b[2] && box[2] > b[0] && box[1] < b[3] && box[3] > b[1])) continue;
    taken.push(box);
    sides.set(whose, side);
    Object.assign(context, { textAlign: "left", textBaseline: "middle", strokeStyle: theme.page, lineWidth: 4, fillStyle: theme.ink });
    context.strokeText(text, x + dx, y + dy);
    context.fillText(text, x + dx, y + dy);
    context.fillStyle = colour;
    context.fillRect(x + dx, y + dy + 8, width, 1.5);
    return;
  }
}

const STAR = polygon(5, 8, 3.3);

export function star(context, x, y, theme) {
  context.beginPath();
  STAR.forEach(([a, b]) => context.lineTo(x + a, y + b));
  context.closePath();
  Object.assign(context, { fillStyle: theme.ink, strokeStyle: theme.page, lineWidth: 3 });
  context.stroke();
  context.fill();
}

export function saddle(context, x, y, theme) {
  context.beginPath();
  for (const side of [-1, 1]) {
    context.moveTo(x + side * 6, y - 7);
    context.quadraticCurveTo(x + side * 0.5, y, x + side * 6, y + 7);
  }
  for (const [colour, width] of [[theme.page, 4.5], [theme.ink, 2]]) {
    Object.assign(context, { strokeStyle: colour, lineWidth: width });
    context.stroke();
  }
}

export function startMark(context, x, y, theme) {
  for (const [radius, colour, width] of [[8, theme.page, 5], [8, theme.ink, 2]]) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    Object.assign(context, { strokeStyle: colour, lineWidth: width });
    context.setLineDash([]);
    context.stroke();
  }
  context.beginPath();
  context.arc(x, y, 2, 0, 2 * Math.PI);
  context.fillStyle = theme.ink;
  context.fill();
}

const [STEEPEST, STEP] = [{ text: "−gradient" }, { text: "update" }];

/* Directions only: the numbers beside the picture say how far. */
export function arrows(context, { point, gradient, update }, plane, theme, taken) {
  const from = plane.pixel(...point);
  arrow(context, from, [-gradient[0], -gradient[1]], 76, plane, theme.soft, theme, STEEPEST, [4, 3], taken);
  arrow(context, from, update, 56, plane, theme.ink, theme, STEP, [], taken);
}

function arrow(context, [x, y], [dx, dy], long, plane, colour, theme, kind, dash, taken) {
  const [a, b] = [dx * plane.across, -dy * plane.down];
  const length = Math.hypot(a, b);
  if (!(length > 0) || !Number.isFinite(length)) return;
  const [u, v] = [a / length, b / length];
  const [tx, ty] = [x + long * u, y + long * v];
  for (const [shade, width] of [[theme.page, 6], [colour, 2.4]]) {
    Object.assign(context, { strokeStyle: shade, lineWidth: width, lineCap: "round" });
    context.setLineDash(shade === colour ? dash : []);
    context.beginPath();
    context.moveTo(x + 9 * u, y + 9 * v);
    context.lineTo(tx, ty);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.moveTo(tx - 9 * u + 5 * v, ty - 9 * v - 5 * u);
    context.lineTo(tx, ty);
    context.lineTo(tx - 9 * u - 5 * v, ty - 9 * v + 5 * u);
    context.stroke();
  }
  for (const part of [0.3, 0.6, 0.9]) taken.push([x + part * long * u - 8, y + part * long * v - 8, x + part * long * u + 8, y + part * long * v + 8]);
  label(context, kind.text, tx, ty, plane, theme, taken, colour, kind);
}
