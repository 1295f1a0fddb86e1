// node fetch.js URL BYTES…: the status and the error's code that Node's own fetch gets for a body of so many bytes, sent at once and in pieces.
const [url, ...sizes] = process.argv.slice(2);
const results = [];
for (const size of sizes.map(Number)) {
  for (const inPieces of [false, true]) {
    const piece = new Uint8Array(64 * 1024).fill(32);
    let left = size;
    const pull = (controller) => (left > 0 ? (controller.enqueue(piece.subarray(0, Math.min(left, piece.length))), (left -= piece.length)) : controller.close());
    const body = inPieces ? new ReadableStream({ pull }) : new Uint8Array(size).fill(32);
    try {
      const response = await fetch(url, { method: "POST", body, duplex: "half", headers: { "content-type": "application/json" } });
      results.push([response.status, (await response.json()).errors[0].extensions.code]);
    } catch (error) {
      results.push(["lost", String(error.cause ?? error)]);
    }
  }
}
console.log(JSON.stringify(results));
