// Photos of deposits, made small enough for a bad line.
const MAX_BYTES = 300 * 1024;
const LONGEST_SIDES = [1600, 1200, 900, 640];
const QUALITIES = [0.8, 0.65, 0.5];

/** A JPEG of at most 300 KiB of this picture; a picture that the browser can't read stays as it is, and the server decides. */
export async function shrunk(file: File): Promise<File> {
  if (!file.type.startsWith('image/') || file.size <= MAX_BYTES) return file;
  let picture: ImageBitmap;
  try {
    picture = await createImageBitmap(file, { imageOrientation: 'from-image' });
  } catch {
    return file;
  }
  let smallest: Blob | null = null;
  for (const longest of LONGEST_SIDES) {
    for (const quality of QUALITIES) {
      smallest = await drawn(picture, longest, quality);
      if (smallest !== null && smallest.size <= MAX_BYTES) return jpeg(smallest);
    }
  }
  return smallest === null ? file : jpeg(smallest);
}

function drawn(picture: ImageBitmap, longest: number, quality: number): Promise<Blob | null> {
  const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, 'image/jpeg', quality));
}

const jpeg = (blob: Blob) => new File([blob], 'bukti.jpg', { type: 'image/jpeg' });
