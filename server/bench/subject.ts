/** The server as in production, in a process that tells the benchmark what it uses. */
import { answerParent, ownUsage } from './answer-parent.ts';

answerParent({ usage: ownUsage });
await import('../src/main.ts');
