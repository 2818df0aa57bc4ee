// A vitest reporter that writes how many tests of each project passed, failed and were skipped.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const projects = {};
    const of = (name) => (projects[name || 'all'] ??= { passed: 0, failed: 0, skipped: 0 });
    for (const module of modules) {
      const counts = of(module.project.name);
      // a file that cannot be loaded has no tests, and is a failure all the same
      counts.failed += module.errors().length;
      for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed' || state === 'failed') counts[state]++;
        else counts.skipped++;
      }
    }
    if (unhandledErrors.length > 0) of('errors outside tests').failed += unhandledErrors.length;
    const file = process.env.HOLDFAST_COUNTS;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(projects));
  }
}
