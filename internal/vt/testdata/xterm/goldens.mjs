// Writes what xterm.js shows of each recorded stream, at the moments at which
// the golden of tmux was taken, to NAME.xterm; and of the torture sequences, to
// torture.xterm. The form is that of the other goldens.
import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import headless from '@xterm/headless';
import unicode11 from '@xterm/addon-unicode11';

const dir = new URL('..', import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(name, dir)));
const write = (name, value) => writeFileSync(new URL(name, dir), JSON.stringify(value, null, 1) + '\n');

// shows plays bytes to a terminal and gives its screen.
async function shows(cols, rows, bytes) {
  const terminal = new headless.Terminal({cols, rows, scrollback: 0, allowProposedApi: true});
  terminal.loadAddon(new unicode11.Unicode11Addon());
  terminal.unicode.activeVersion = '11';
  await new Promise((done) => terminal.write(bytes, done));
  const buffer = terminal.buffer.active;
  const golden = {At: bytes.length, X: buffer.cursorX, Y: buffer.cursorY, Rows: []};
  for (let y = 0; y < rows; y++) golden.Rows.push(styled(buffer.getLine(buffer.baseY + y), cols));
  terminal.dispose();
  return golden;
}

// styled is a row as text with SGR, without the blanks at its end.
function styled(line, cols) {
  let out = '', last = '', end = 0;
  for (let x = 0; x < cols; x++) {
    const cell = line.getCell(x);
    if (cell.getWidth() === 0) continue;
    const style = sgr(cell);
    if (style !== last) out += `\x1b[${(last = style)}m`;
    const text = cell.getChars() || ' ';
    out += text;
    if (text !== ' ') end = out.length;
  }
  return out.slice(0, end) + (end ? '\x1b[0m' : '');
}

function sgr(cell) {
  const codes = ['0'];
  const attributes = {isBold: 1, isDim: 2, isItalic: 3, isUnderline: 4, isBlink: 5, isInverse: 7, isInvisible: 8, isStrikethrough: 9, isOverline: 53};
  for (const [is, code] of Object.entries(attributes)) if (cell[is]()) codes.push(code);
  const colour = (kind, rgb, palette, value) => {
    if (rgb) codes.push(kind, 2, value >> 16, (value >> 8) & 255, value & 255);
    else if (palette) codes.push(kind, 5, value);
  };
  colour(38, cell.isFgRGB(), cell.isFgPalette(), cell.getFgColor());
  colour(48, cell.isBgRGB(), cell.isBgPalette(), cell.getBgColor());
  return codes.join(';');
}

for (const file of readdirSync(dir).filter((f) => f.endsWith('.stream')).sort()) {
  const name = file.slice(0, -'.stream'.length);
  const [, cols, rows] = name.match(/\.(\d+)x(\d+)$/).map(Number);
  const bytes = readFileSync(new URL(file, dir));
  const goldens = [];
  for (const {At} of read(`${name}.golden`)) goldens.push(await shows(cols, rows, bytes.subarray(0, At)));
  write(`${name}.xterm`, goldens);
}
const shown = {};
for (const [name, {Stream}] of Object.entries(read('torture.golden'))) shown[name] = await shows(20, 6, Buffer.from(Stream ?? ''));
write('torture.xterm', shown);
