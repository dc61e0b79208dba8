import 'reflect-metadata';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LocalLink, LocalServer } from '#libs/bus';
import { BusConformanceController } from './bus.conformance.controller.js';

@Module({ controllers: [BusConformanceController] })
class WorkerModule {}

/** Serves the suite's controller in a worker thread: a fresh one on each port that it is sent. */
async function serve(port: MessagePort): Promise<void> {
  const strategy = new LocalServer([new LocalLink(port)]);
  const app = await NestFactory.createMicroservice(WorkerModule, { strategy, logger: false });
  await app.listen();
  parentPort?.postMessage('ready');
}

parentPort?.on('message', (port: MessagePort) => void serve(port));
