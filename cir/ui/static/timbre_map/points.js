/* All points in one go: by WebGL, or where a browser has none by copying pictures, which does for a
   few thousand. Both draw `order`, row numbers from back to front. */

const VERTEX = `#version 300 es
  in vec2 place;
  in vec2 cell;
  uniform vec2 centre, scale;
  uniform float size;
  flat out vec2 corner;
  flat out float share;
  void main() {
    corner = cell + 0.5;
    share = cell.y < 1.5 ? ${INNER} : 1.0;
    gl_Position = vec4((place - centre) * scale, 0.0, 1.0);
    gl_PointSize = size * share;
  }`;
const FRAGMENT = `#version 300 es
  precision mediump float;
  flat in vec2 corner;
  flat in float share;
  uniform vec2 cells;
  uniform sampler2D sprites;
  out vec4 colour;
  void main() { colour = texture(sprites, (corner + (gl_PointCoord - 0.5) * share) / cells); }`;

class GlPoints {
  /** Raises an error where there is no WebGL 2. */
  constructor(canvas, data, restored) {
    this.canvas = canvas;
    this.data = data;
    this.gl = canvas.getContext("webgl2", { antialias: false });
    if (!this.gl) throw new Error("This browser has no WebGL 2.");
    this.build();
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => { this.build(); restored(); });
  }

  build() {
    const { gl, data } = this;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`The map's shaders do not link: ${gl.getProgramInfoLog(program)}`);
    }
    gl.useProgram(program);
    this.uniform = Object.fromEntries(
      ["centre", "scale", "size", "cells"].map((name) => [name, gl.getUniformLocation(program, name)]));
    const places = new Float32Array(2 * data.size);
    for (let row = 0; row < data.size; row += 1) places.set([data.x[row], data.y[row]], 2 * row);
    this.attribute(program, "place", gl.FLOAT);
    gl.bufferData(gl.ARRAY_BUFFER, places, gl.STATIC_DRAW);
    this.cells = this.attribute(program, "cell", gl.UNSIGNED_BYTE);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const [what, how] of [
      [gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
      [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
    ]) gl.texParameteri(gl.TEXTURE_2D, what, how);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.loaded = -1;
    if (this.order) this.arrange(this.order, this.levels);
  }

  attribute(program, name, type) {
    const { gl } = this;
    const buffer = gl.createBuffer();
    const location = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, 2, type, false, 0, 0);
    return buffer;
  }

  arrange(order, levels) {
    const { gl, data } = this;
    this.order = order;
    this.levels = levels;
    const cells = new Uint8Array(2 * data.size);
    for (let row = 0; row < data.size; row += 1) cells.set([data.family[row], Math.max(levels[row] - 1, 0)], 2 * row);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.cells);
    gl.bufferData(gl.ARRAY_BUFFER, cells, gl.DYNAMIC_DRAW);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, order, gl.DYNAMIC_DRAW);
  }

  draw(view, sprites) {
    const { gl, uniform } = this;
    if (this.loaded !== sprites.version) {
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, sprites.canvas);
      this.loaded = sprites.version;
    }
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(uniform.centre, view.centre.x, view.centre.y);
    gl.uniform2f(uniform.scale, (2 * view.scale) / view.width, (2 * view.scale) / view.height);
    gl.uniform1f(uniform.size, sprites.cell);
    gl.uniform2f(uniform.cells, this.data.families.length, LEVELS.length);
    gl.drawElements(gl.POINTS, this.order.length, gl.UNSIGNED_INT, 0);
  }
}

class CopiedPoints {
  constructor(canvas, data) {
    this.canvas = canvas;
    this.data = data;
    this.pen = canvas.getContext("2d");
  }

  arrange(order, levels) {
    this.order = order;
    this.levels = levels;
  }

  draw(view, sprites, ratio) {
    const { pen, data, levels } = this;
    const { cell } = sprites;
    const scale = view.scale * ratio;
    const left = this.canvas.width / 2 - view.centre.x * scale;
    const top = this.canvas.height / 2 + view.centre.y * scale;
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (const row of this.order) {
      const size = levels[row] === LIT ? cell : cell * INNER;
      const x = left + data.x[row] * scale - size / 2;
      const y = top - data.y[row] * scale - size / 2;
      if (x < -size || y < -size || x > this.canvas.width || y > this.canvas.height) continue;
      const [column, line] = [(data.family[row] + 0.5) * cell - size / 2, (levels[row] - 0.5) * cell - size / 2];
      pen.drawImage(sprites.canvas, column, line, size, size, x, y, size, size);
    }
  }
}

/** Take WebGL where there is one. `restored` is called when a lost one is back. */
const makePoints = (canvas, data, restored) => {
  try {
    return new GlPoints(canvas, data, restored);
  } catch (reason) {
    console.info(`The map is drawn without WebGL. ${reason.message}`);
    const fresh = canvas.cloneNode(); // one that was asked for WebGL gives nothing else any more
    canvas.replaceWith(fresh);
    return new CopiedPoints(fresh, data);
  }
};
