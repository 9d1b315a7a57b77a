/** Counts and prints what the steps of `run.ts` found. */
export class Report {
  passed = 0;
  failed = 0;
  skipped = 0;

  pass(name: string, detail = ''): void {
    this.passed += 1;
    console.log(`ok      ${name}${detail ? ` (${detail})` : ''}`);
  }

  fail(name: string, detail: string): void {
    this.failed += 1;
    console.log(`FAILED  ${name}\n${detail.trimEnd()}`);
  }

  skip(name: string, why: string): void {
    this.skipped += 1;
    console.log(`skipped: ${name}: ${why}`);
  }

  check(name: string, good: boolean, detail: string): void {
    if (good) this.pass(name, detail);
    else this.fail(name, detail);
  }

  async attempt(name: string, action: () => Promise<string | undefined>): Promise<boolean> {
    const started = performance.now();
    try {
      const detail = await action();
      const seconds = `${((performance.now() - started) / 1000).toFixed(1)} s`;
      this.pass(name, detail ? `${detail}, ${seconds}` : seconds);
      return true;
    } catch (error) {
      this.fail(name, error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  summary(): string {
    const skipped = this.skipped > 0 ? `, ${this.skipped} skipped` : '';
    return `${this.passed} passed, ${this.failed} failed${skipped}`;
  }
}
