import { z } from 'zod';
import { adminOperations } from './admin-operations.js';
import { dialectOperations } from './dialect-operations.js';
import type { Operation } from './operation.js';
import { v1Operations } from './v1-operations.js';

type Json = Record<string, unknown>;

const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return json;
};

const PROBLEM = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'for programs; stable' },
    detail: { type: 'string', description: 'for people' },
    instance: { type: 'string', description: 'the id of the request' },
    errors: {
      type: 'array',
      items: { type: 'object', properties: { field: { type: 'string' }, message: { type: 'string' } } },
    },
  },
};
const DIALECT_ERROR = {
  type: 'object',
  required: ['reason', 'message'],
  properties: { reason: { type: 'string' }, message: { type: 'string' } },
};

const UNAUTHENTICATED = ['No valid token; the detail says which check failed'] as const;

interface ErrorForm {
  name: string;
  type: string;
  schema: Json;
}

const operation = (
  { summary, body, query = {}, answers, open, path, type = 'application/json' }: Operation,
  error: ErrorForm,
): Json => {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  }));
  const failure = { [error.type]: { schema: { $ref: `#/components/schemas/${error.name}` } } };
  const all: Operation['answers'] = open ? answers : { ...answers, 401: UNAUTHENTICATED };
  const responses = Object.entries(all).map(([status, [description, schema]]) => {
    const content = schema ? { [type]: { schema: schemaOf(schema, 'output') } } : undefined;
    return [status, { description, ...(Number(status) >= 400 ? { content: failure } : content && { content }) }];
  });
  return {
    summary,
    ...(open ? { security: [] } : {}),
    ...(inPath.length + inQuery.length > 0 ? { parameters: [...inPath, ...inQuery] } : {}),
    ...(body ? { requestBody: { content: { 'application/json': { schema: schemaOf(body, 'input') } } } } : {}),
    responses: Object.fromEntries(responses),
  };
};

const document = (info: Json, operations: readonly Operation[], error: ErrorForm): Json => {
  const paths: Record<string, Json> = {};
  for (const one of operations) paths[one.path] = { ...paths[one.path], [one.method]: operation(one, error) };
  return {
    openapi: '3.1.0',
    info,
    security: [{ bearer: [] }, { query: [] }],
    paths,
    components: {
      schemas: { [error.name]: error.schema },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        query: { type: 'apiKey', in: 'query', name: 'token' },
      },
    },
  };
};

/** OpenAPI of `/v1`. */
export const v1Document = (version: string): Json =>
  document({ title: 'Beamgate', version, license: { name: 'Apache-2.0' } }, [...v1Operations, ...adminOperations], {
    name: 'Problem',
    type: 'application/problem+json',
    schema: PROBLEM,
  });

/** OpenAPI of the Enterprise Gateway dialect. */
export const dialectDocument = (): Json =>
  document({ title: 'Jupyter kernels, as Enterprise Gateway serves them', version: '3.3.0' }, dialectOperations, {
    name: 'Error',
    type: 'application/json',
    schema: DIALECT_ERROR,
  });
