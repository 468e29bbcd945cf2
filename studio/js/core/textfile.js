// A text file as people have them: UTF-8, UTF-16 with its mark, or GB 18030, of which GBK is a part.

const MOST_BYTES = 4 * 1024 * 1024;
const NAMES = /\.(txt|md|markdown|text)$/i;

export class NoTextError extends Error {}

/** {text, name}; throws NoTextError with "type", "size" or "binary". */
export async function readText(file) {
  if (!NAMES.test(file.name) && !file.type.startsWith("text/")) throw new NoTextError("type");
  if (file.size > MOST_BYTES) throw new NoTextError("size");
  const text = decode(new Uint8Array(await file.arrayBuffer())).replace(/\r\n?/g, "\n");
  if (text.includes("\u0000")) throw new NoTextError("binary");
  return { text: text.trim(), name: file.name.replace(NAMES, "") };
}

export function decode(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("gb18030").decode(bytes);
  }
}
