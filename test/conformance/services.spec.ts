import { connect } from 'amqplib';
import { PostgresServer } from '../support/postgres-server.js';
import { processesWith } from '../support/processes.js';
import { RabbitServer } from '../support/rabbit-server.js';

describe('the services that tests stand on', () => {
  it('start PostgreSQL, which keeps what was committed when it is killed, and leave nothing behind', async () => {
    const server = await PostgresServer.start({ durable: true });
    const url = await server.createDatabase();
    await server.query('create table kept as select 7 as n', url);
    await server.crash();
    await expect(server.query('select 1', url)).rejects.toThrow(/ECONNREFUSED/);
    await server.startAgain();
    expect(await server.query('select n from kept', url)).toEqual([{ n: 7 }]);
    await server.remove();
    expect(processesWith(server.folder)).toEqual([]);
  });

  it('start RabbitMQ, which keeps durable queues when it is killed, and leave nothing behind', async () => {
    const server = await RabbitServer.start();
    const connection = await connect(server.url);
    connection.on('error', () => {});
    const channel = await connection.createChannel();
    await channel.assertQueue('kept', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    const lost = new Promise((resolve) => connection.once('close', resolve));
    await server.crash();
    await lost;
    await server.startAgain();
    const again = await connect(server.url);
    expect(await (await again.createChannel()).checkQueue('kept')).toMatchObject({ queue: 'kept' });
    await again.close();
    await server.remove();
    expect(processesWith(server.folder)).toEqual([]);
  });
});
