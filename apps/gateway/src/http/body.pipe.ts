import type { PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { InvalidRequest } from '#libs/contracts';

/** Parses a body or query by its schema. @throws InvalidRequest that names each wrong field */
export class Parsed<S extends z.ZodType> implements PipeTransform<unknown, z.output<S>> {
  constructor(private readonly schema: S) {}

  transform(value: unknown): z.output<S> {
    const result = this.schema.safeParse(value ?? undefined);
    if (result.success) return result.data;
    const errors = result.error.issues.flatMap(({ path, message, ...issue }) => {
      const unknownKeys = issue.code === 'unrecognized_keys' ? issue.keys : [undefined];
      return unknownKeys.map((key) => ({
        field: [...path, ...(key === undefined ? [] : [key])].join('.') || 'body',
        message: key === undefined ? message : 'is not known here',
      }));
    });
    const sentence = errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
    throw new InvalidRequest(`The request is not valid. ${sentence}`, { errors });
  }
}
