import { X509Certificate } from 'node:crypto';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { selfSigned } from './certificate.js';

it('is signed by its own key and names whom it is of', () => {
  const { certificate } = selfSigned('kernel 7');
  const read = new X509Certificate(certificate);
  expect(read.subject).toBe('CN=kernel 7');
  expect(read.verify(read.publicKey)).toBe(true);
});

it('lets in who has the key, and nobody with another', async () => {
  const ours = selfSigned('ours');
  const theirs = selfSigned('theirs');
  const options = { ca: ours.certificate, minVersion: 'TLSv1.3', requestCert: true } as const;
  const server = createServer({ ...options, cert: ours.certificate, key: ours.key }, (socket) => socket.end('in'));
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const answer = (own: typeof ours): Promise<string> =>
    new Promise((resolve) => {
      const client: TLSSocket = connect(
        {
          host: '127.0.0.1',
          port,
          ca: ours.certificate,
          cert: own.certificate,
          key: own.key,
          checkServerIdentity: () => undefined,
        },
        () => {},
      );
      let text = '';
      client.on('data', (data) => {
        text += data;
      });
      client.on('error', () => resolve('refused'));
      client.on('end', () => resolve(text || 'refused'));
    });
  try {
    await expect(answer(ours)).resolves.toBe('in');
    await expect(answer(theirs)).resolves.toBe('refused');
  } finally {
    server.close();
  }
});
