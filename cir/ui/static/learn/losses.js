/* The two losses of cir/losses over pairs of points, with the same gradients as in torch. Points are
   anchors followed by positives, in the same order of classes: [[x, y], ...]. */
window.cirLosses = (() => {
  const zeros = (points) => points.map(() => [0, 0]);
  const add = (to, vector, weight) => {
    to[0] += weight * vector[0];
    to[1] += weight * vector[1];
  };

  /* Unit vector from one point to another (zero if they coincide) and their distance. */
  const away = (from, to) => {
    const x = to[0] - from[0];
    const y = to[1] - from[1];
    const distance = Math.hypot(x, y);
    return { distance, unit: distance > 0 ? [x / distance, y / distance] : [0, 0] };
  };

  /* Mean of max(0, d(anchor, positive) - d(anchor, negative) + margin) over all triplets. */
  const pairTriplet = (points, margin) => {
    const classes = points.length / 2;
    const gradient = zeros(points);
    const triplets = points.length * (points.length - 2);
    let loss = 0;
    points.forEach((anchor, a) => {
      const p = (a + classes) % points.length;
      const near = away(anchor, points[p]);
      points.forEach((negative, n) => {
        if (n % classes === a % classes) return;
        const far = away(anchor, negative);
        const hinge = near.distance - far.distance + margin;
        if (hinge <= 0) return;
        loss += hinge / triplets;
        add(gradient[p], near.unit, 1 / triplets);
        add(gradient[a], near.unit, -1 / triplets);
        add(gradient[n], far.unit, -1 / triplets);
        add(gradient[a], far.unit, 1 / triplets);
      });
    });
    return { loss, gradient };
  };

  const softmax = (logits) => {
    const top = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - top));
    const total = powers.reduce((sum, power) => sum + power, 0);
    return powers.map((power) => power / total);
  };

  /* Each anchor picks its positive among all positives, and vice versa. */
  const pairInfonce = (points, temperature) => {
    const classes = points.length / 2;
    const lengths = points.map((point) => Math.hypot(...point));
    const units = points.map((point, n) => [point[0] / lengths[n], point[1] / lengths[n]]);
    const cosine = (a, b) => units[a][0] * units[b][0] + units[a][1] * units[b][1];
    const numbers = [...Array(classes).keys()];
    const rows = numbers.map((a) => softmax(numbers.map((b) => cosine(a, classes + b) / temperature)));
    const columns = numbers.map((b) => softmax(numbers.map((a) => cosine(a, classes + b) / temperature)));
    const ofUnits = zeros(points);
    let loss = 0;
    for (const a of numbers) {
      loss -= (Math.log(rows[a][a]) + Math.log(columns[a][a])) / (2 * classes);
      for (const b of numbers) {
        const target = a === b ? 2 : 0;
        const slope = (rows[a][b] + columns[b][a] - target) / (2 * classes * temperature);
        add(ofUnits[a], units[classes + b], slope);
        add(ofUnits[classes + b], units[a], slope);
      }
    }
    /* Gradient through the normalisation: only the component across the vector. */
    const gradient = ofUnits.map(([x, y], n) => {
      const along = x * units[n][0] + y * units[n][1];
      return [(x - along * units[n][0]) / lengths[n], (y - along * units[n][1]) / lengths[n]];
    });
    return { loss, gradient };
  };

  return { pairTriplet, pairInfonce };
})();
