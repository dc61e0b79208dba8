import { z } from 'zod';
import {
  ChangeSessionBody,
  KernelModel,
  KernelSpecModel,
  SessionModel,
  StartKernelBody,
  StartSessionBody,
} from '#libs/contracts';
import type { Operation } from './operation.js';

const ById = 'None that you may see';
const Kernelspecs = z.object({ default: z.string(), kernelspecs: z.record(z.string(), KernelSpecModel) });

/** Every call of the Enterprise Gateway dialect. */
export const dialectOperations: readonly Operation[] = [
  { method: 'get', path: '/api', summary: 'Versions', answers: { 200: ['Versions'] } },
  {
    method: 'get',
    path: '/api/status',
    summary: 'Counts of kernels, connections and waiting kernels',
    answers: { 200: ['Counts'] },
  },
  {
    method: 'get',
    path: '/api/kernelspecs',
    summary: 'The kernelspecs that are offered',
    query: { user: 'ignored, but for what stands behind a slash in it: the name of one kernelspec' },
    answers: { 200: ['By name', Kernelspecs] },
  },
  {
    method: 'get',
    path: '/api/kernelspecs/{name}',
    summary: 'One kernelspec',
    answers: { 200: ['The kernelspec', KernelSpecModel], 404: ['No such kernelspec'] },
  },
  {
    method: 'get',
    path: '/kernelspecs/{name}/{path}',
    summary: 'A logo or script of a kernelspec',
    answers: { 200: ['The file'], 404: ['No such file'] },
  },
  {
    method: 'get',
    path: '/api/kernels',
    summary: 'Your kernels',
    answers: { 200: ['The kernels', z.array(KernelModel)] },
  },
  {
    method: 'post',
    path: '/api/kernels',
    summary: 'Start a kernel; the body may be missing',
    body: StartKernelBody,
    answers: {
      201: ['The kernel', KernelModel],
      400: ['The request is wrong'],
      403: ['Policy does not allow it'],
      404: ['No such kernelspec'],
    },
  },
  {
    method: 'get',
    path: '/api/kernels/{id}',
    summary: 'One kernel',
    answers: { 200: ['The kernel', KernelModel], 404: [ById] },
  },
  {
    method: 'delete',
    path: '/api/kernels/{id}',
    summary: 'End a kernel',
    answers: { 204: ['It ends'], 404: [ById] },
  },
  {
    method: 'post',
    path: '/api/kernels/{id}/interrupt',
    summary: 'Interrupt a kernel',
    answers: { 204: ['Interrupted'], 404: [ById] },
  },
  {
    method: 'post',
    path: '/api/kernels/{id}/restart',
    summary: 'Restart a kernel',
    answers: { 200: ['The kernel', KernelModel], 404: [ById] },
  },
  {
    method: 'get',
    path: '/api/kernels/{id}/channels',
    summary: 'The messages of a kernel, by WebSocket',
    query: { session_id: 'names the client’s session; the same one resumes' },
    answers: { 101: ['Open'], 404: [ById] },
  },
  {
    method: 'get',
    path: '/api/sessions',
    summary: 'Your sessions',
    answers: { 200: ['The sessions', z.array(SessionModel)] },
  },
  {
    method: 'post',
    path: '/api/sessions',
    summary: 'Start a session, and its kernel where it names none',
    body: StartSessionBody,
    answers: { 201: ['The session', SessionModel], 400: ['The request is wrong'], 501: ['No such kernelspec'] },
  },
  {
    method: 'get',
    path: '/api/sessions/{id}',
    summary: 'One session',
    answers: { 200: ['The session', SessionModel], 404: [ById], 410: ['Its kernel is gone'] },
  },
  {
    method: 'patch',
    path: '/api/sessions/{id}',
    summary: 'Rename a session or give it another kernel',
    body: ChangeSessionBody,
    answers: { 200: ['The session', SessionModel], 400: ['The request is wrong'], 404: [ById] },
  },
  {
    method: 'delete',
    path: '/api/sessions/{id}',
    summary: 'End a session and its kernel',
    answers: { 204: ['It ends'], 404: [ById] },
  },
];
