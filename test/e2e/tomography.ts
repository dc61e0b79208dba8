import { type Cell, code, markdown } from './notebooks.js';

const MEASURE = `
import h5py, matplotlib.pyplot as plt, numpy as np
from scipy.ndimage import rotate

def turn(image, degrees):
    return rotate(image, degrees, reshape=False, order=1)

y, x = np.mgrid[-1:1:160j, -1:1:160j]
sample = 1.0 * (x**2 + (y / 0.85)**2 < 0.7) - 0.45 * ((x - 0.1)**2 + y**2 < 0.42)
for a, b, r in [(0.35, 0.2, 0.12), (-0.3, 0.25, 0.17), (0.0, -0.35, 0.2), (0.3, -0.2, 0.06)]:
    sample += 0.6 * ((x - a)**2 + (y - b)**2 < r**2)

theta = np.arange(0, 180, 1.5)
noise = np.random.default_rng(7).normal(0, 0.4, (len(theta), 160))
projections = np.array([turn(sample, t).sum(0) for t in theta]) + noise
with h5py.File('scan_0042.h5', 'w') as scan:
    scan.create_dataset('exchange/data', data=projections.astype('f4'), compression='gzip')
    scan.create_dataset('exchange/theta', data=theta)
`;

const LOAD = `
with h5py.File('scan_0042.h5') as scan:
    sinogram, theta = scan['exchange/data'][:], scan['exchange/theta'][:]
print(f'{sinogram.shape} {sinogram.dtype}: mean {sinogram.mean():.2f}, deviation {sinogram.std():.2f}')
`;

const RECONSTRUCT = `
ramp = np.abs(np.fft.fftfreq(sinogram.shape[1]))
filtered = np.fft.ifft(np.fft.fft(sinogram, axis=1) * ramp, axis=1).real
smeared = [turn(np.tile(row, (len(row), 1)), -t) for row, t in zip(filtered, theta)]
slice_ = np.mean(smeared, axis=0) * np.pi / 2
`;

const PLOT = `
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.1), layout='constrained')
left.imshow(sinogram, aspect='auto', cmap='viridis', extent=[0, 160, 180, 0])
left.set(title='sinogram', xlabel='detector pixel', ylabel='angle (degrees)')
image = right.imshow(slice_, cmap='gray', vmin=0)
right.set(title='reconstruction', xticks=[], yticks=[])
figure.colorbar(image, ax=right, label='attenuation');
`;

/** A small tomography scan: made and kept as HDF5, loaded, reconstructed, shown. Runs in two seconds. */
export const tomography: readonly Cell[] = [
  markdown('## Scan 42: one slice'),
  code(MEASURE, { jupyter: { source_hidden: true } }),
  code(LOAD),
  code(RECONSTRUCT),
  code(PLOT),
];
