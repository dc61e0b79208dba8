import {
  CreateKernelBody,
  CreateTokenBody,
  KernelList,
  KernelSpecModel,
  KernelspecList,
  KernelView,
  NewToken,
  TokenList,
} from '#libs/contracts';
import type { Operation } from './operation.js';

/** Every call of `/v1`. */
export const v1Operations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/kernels',
    summary: 'Your kernels, oldest first; those that ended lately too',
    query: { all: '`true`: everybody’s; admins only' },
    answers: { 200: ['The kernels', KernelList], 403: ['You are no admin'] },
  },
  {
    method: 'post',
    path: '/v1/kernels',
    summary: 'Ask for a kernel; answered at once, also where it must wait',
    body: CreateKernelBody,
    answers: {
      201: ['The kernel, kept durably', KernelView],
      403: ['Policy does not allow it'],
      404: ['No such kernelspec'],
      409: ['The id is taken'],
      422: ['The request is wrong, or can never fit'],
      503: ['Nothing was kept; try again'],
    },
  },
  {
    method: 'get',
    path: '/v1/kernels/{id}',
    summary: 'One kernel, with why it waits or how it ended',
    answers: { 200: ['The kernel', KernelView], 404: ['None that you may see'] },
  },
  {
    method: 'get',
    path: '/v1/kernels/{id}/events',
    summary:
      'One kernel as it changes, with why it waits, as server-sent events: `kernel`, its data as of GET, its id the revision; the present state first; over when the kernel has ended',
    type: 'text/event-stream',
    answers: {
      200: ['The states', KernelView],
      204: ['It has ended, and `Last-Event-ID` says that you were told'],
      404: ['None that you may see'],
      429: ['Too many streams are open to it, or to the kernels of its owner'],
      503: ['Too many streams are open here'],
    },
  },
  {
    method: 'delete',
    path: '/v1/kernels/{id}',
    summary: 'End a kernel, or take it out of the queue; may be repeated',
    answers: { 204: ['It ends'], 404: ['None that you may see'] },
  },
  {
    method: 'post',
    path: '/v1/kernels/{id}/interrupt',
    summary: 'Interrupt what a kernel runs',
    answers: { 204: ['Interrupted, or it runs nothing'], 404: ['None that you may see'], 409: ['It has ended'] },
  },
  {
    method: 'post',
    path: '/v1/kernels/{id}/restart',
    summary: 'Give a kernel a new process; its variables are lost',
    answers: { 200: ['The kernel', KernelView], 404: ['None that you may see'], 409: ['It was shut down'] },
  },
  {
    method: 'post',
    path: '/v1/kernels/{id}/keep',
    summary: 'Keep a kernel that is to be ended for lack of use: as if it had been used now',
    answers: { 200: ['The kernel', KernelView], 404: ['None that you may see'] },
  },
  {
    method: 'get',
    path: '/v1/kernelspecs',
    summary: 'The kernelspecs that are offered',
    answers: { 200: ['The kernelspecs', KernelspecList] },
  },
  {
    method: 'get',
    path: '/v1/kernelspecs/{name}',
    summary: 'One kernelspec, by name or alias',
    answers: { 200: ['The kernelspec', KernelSpecModel], 404: ['No such kernelspec'] },
  },
  {
    method: 'post',
    path: '/v1/tokens',
    summary: 'Make an API token; it is shown this once',
    body: CreateTokenBody,
    answers: { 201: ['The token', NewToken], 403: ['It would grant more than yours'], 422: ['The request is wrong'] },
  },
  {
    method: 'get',
    path: '/v1/tokens',
    summary: 'Your tokens; everybody’s for an admin',
    answers: { 200: ['The tokens', TokenList] },
  },
  {
    method: 'delete',
    path: '/v1/tokens/{id}',
    summary: 'Revoke a token; what was opened with it is closed',
    answers: { 204: ['Revoked'], 404: ['None that you may see'] },
  },
  {
    method: 'get',
    path: '/v1/openapi.json',
    summary: 'This description',
    open: true,
    answers: { 200: ['OpenAPI 3.1'] },
  },
];
