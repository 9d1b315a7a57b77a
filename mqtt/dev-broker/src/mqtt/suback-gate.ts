/** Lets SUBACKs through, or holds them back so that messages overtake them. */
export class SubackGate {
  private held: (() => void)[] | null = null;

  pass(send: () => void): void {
    if (this.held) this.held.push(send);
    else send();
  }

  hold(): void {
    this.held ??= [];
  }

  release(): void {
    const sends = this.held ?? [];
    this.held = null;
    for (const send of sends) send();
  }
}
