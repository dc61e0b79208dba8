import { applyDecorators, Catch, Controller, type RpcExceptionFilter, UseFilters } from '@nestjs/common';
import { type Observable, throwError } from 'rxjs';
import { Problem } from '#libs/contracts';

/** Lets a problem cross the bus as its document; Nest would make a bare "Internal server error" of it. */
@Catch(Problem)
export class ProblemFilter implements RpcExceptionFilter<Problem> {
  catch(problem: Problem): Observable<never> {
    return throwError(() => problem.toDocument());
  }
}

/** A controller of message and event patterns whose problems reach the caller. */
export const BusController = (): ClassDecorator => applyDecorators(Controller(), UseFilters(ProblemFilter));
