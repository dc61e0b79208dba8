/** Container images without a container engine: an OCI layout in one tar file, as containerd imports it. */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { link } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from './build.mjs';

const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' };
const sha256 = (data) => createHash('sha256').update(data).digest('hex');

async function digestOf(file) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}

/**
 * Packs a folder as a layer: owned by root, without times, so that the same files give the same layer.
 *
 * @param {string} folder what the layer puts at `/`
 * @param {string} file of the layer, a plain tar
 */
export async function packLayer(folder, file) {
  const how = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  await run('tar', [...how, '-C', folder, '-cf', file, '.']);
}

/**
 * Writes an image. Layers are linked, not copied, so `file` must lie on their file system.
 *
 * @param {string} name as pods name it, e.g. `beamgate.test/agent:dev`
 * @param {string[]} layers tar files, the lowest first
 * @param {{Entrypoint?: string[], Env?: string[], User?: string}} config of its containers
 * @param {string} file the image's tar file; appears whole or not at all
 */
export async function writeImage(name, layers, config, file) {
  mkdirSync(dirname(file), { recursive: true });
  const folder = mkdtempSync(`${file}.`);
  try {
    const blobs = join(folder, 'blobs', 'sha256');
    mkdirSync(blobs, { recursive: true });
    const put = (value, mediaType) => {
      const text = JSON.stringify(value);
      writeFileSync(join(blobs, sha256(text)), text);
      return { mediaType, digest: `sha256:${sha256(text)}`, size: Buffer.byteLength(text) };
    };
    const digests = [];
    for (const layer of layers) {
      const digest = await digestOf(layer);
      await link(layer, join(blobs, digest));
      digests.push({
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        digest: `sha256:${digest}`,
        size: statSync(layer).size,
      });
    }
    const rootfs = { type: 'layers', diff_ids: digests.map(({ digest }) => digest) };
    const architecture = ARCHITECTURES[process.arch];
    const image = put({ architecture, os: 'linux', config, rootfs }, 'application/vnd.oci.image.config.v1+json');
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = put({ schemaVersion: 2, mediaType, config: image, layers: digests }, mediaType);
    const annotations = { 'io.containerd.image.name': name };
    const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
    writeFileSync(join(folder, 'index.json'), JSON.stringify(index));
    writeFileSync(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    await run('tar', ['-C', folder, '-cf', `${folder}.tar`, '.']);
    renameSync(`${folder}.tar`, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(`${folder}.tar`, { force: true });
  }
}
