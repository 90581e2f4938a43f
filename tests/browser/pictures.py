"""Small pictures: PNG with a palette, which keeps a page sharp at a third of what Chromium writes; WebP for many."""

from __future__ import annotations

import base64
import struct
import zlib

from playwright.sync_api import Browser

# The grounds and inks keep their very colour; the edges of letters share entries, coarser until 256 are enough.
_INDEXED = """async (png) => {
  const image = new Image();
  image.src = 'data:image/png;base64,' + png;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, image.width, image.height).data, size = pixels.length / 4;
  const indices = new Uint8Array(size);
  const counts = new Map();
  for (let i = 0; i < pixels.length; i += 4) {
    const color = pixels[i] << 16 | pixels[i + 1] << 8 | pixels[i + 2];
    counts.set(color, (counts.get(color) || 0) + 1);
  }
  const frequent = [...counts].sort((a, b) => b[1] - a[1]).map(([color]) => color), kept = new Set(frequent.slice(0, 24));
  for (let bits = 2; ; bits++) {
    const entries = new Map();
    const coarse = c => ((c >> 16 & 255) >> bits) << 16 | ((c >> 8 & 255) >> bits) << 8 | (c & 255) >> bits;
    const bucket = c => kept.has(c) ? c : -1 - coarse(c);
    for (const color of frequent) if (!entries.has(bucket(color))) entries.set(bucket(color), [entries.size, color]);
    if (entries.size > 256) continue;
    for (let i = 0; i < size; i++) {
      const at = i * 4;
      indices[i] = entries.get(bucket(pixels[at] << 16 | pixels[at + 1] << 8 | pixels[at + 2]))[0];
    }
    const palette = [...entries.values()].map(([, color]) => color);
    let text = '';
    for (let i = 0; i < size; i += 8192) text += String.fromCharCode(...indices.subarray(i, i + 8192));
    return [image.width, image.height, palette, btoa(text)];
  }
}"""


def small(browser: Browser, png: bytes) -> bytes:
    """The same picture with a palette of at most 256 colours."""
    page = browser.new_page()
    width, height, palette, encoded = page.evaluate(_INDEXED, base64.b64encode(png).decode())
    page.close()
    indices = base64.b64decode(encoded)
    rows = b"".join(b"\0" + indices[y * width : (y + 1) * width] for y in range(height))
    colours = b"".join(color.to_bytes(3, "big") for color in palette)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", colours), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


_SIDE_BY_SIDE = """async ([pngs, scale]) => {
  const images = await Promise.all(pngs.map(async (png) => {
    const image = new Image();
    image.src = 'data:image/png;base64,' + png;
    await image.decode();
    return image;
  }));
  const gap = 12;
  const width = images.reduce((sum, image) => sum + image.width * scale + gap, gap);
  const canvas = new OffscreenCanvas(width, Math.max(...images.map((image) => image.height * scale)) + 2 * gap);
  const context = canvas.getContext('2d');
  context.fillStyle = '#888';
  context.fillRect(0, 0, canvas.width, canvas.height);
  let x = gap;
  context.imageSmoothingQuality = 'high';
  for (const image of images) {
    context.drawImage(image, x, gap, image.width * scale, image.height * scale);
    x += image.width * scale + gap;
  }
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/webp', quality: 0.45 })).arrayBuffer());
  let text = '';
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}"""


def side_by_side(browser: Browser, pngs: list[bytes], scale: float) -> bytes:
    """Several pictures in one WebP file, from left to right. scale: of their size."""
    page = browser.new_page()
    encoded = page.evaluate(_SIDE_BY_SIDE, [[base64.b64encode(png).decode() for png in pngs], scale])
    page.close()
    return base64.b64decode(encoded)
