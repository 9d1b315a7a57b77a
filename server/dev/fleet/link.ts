import { z } from 'zod';
import { linkTopic } from '../../contract/topics.ts';
import type { DeviceClient } from '../device-client.ts';
import { parseJson } from '../device-http.ts';

/** What an agent tells its master, on the master's link topic, where its other agents read along. */
const report = z.object({ c: z.literal('REPORT'), from: z.string(), temp: z.number() });
const COMFORT_C = 18;

export function sendReport(agent: DeviceClient, uuid: string, master: string, temp: number): boolean {
  return agent.send(master, { c: 'REPORT', from: uuid, temp });
}

/** A master's answer to a report, on the agent's link topic. False for anything else. */
export function answerReport(
  master: DeviceClient,
  uuid: string,
  { topic, payload }: { readonly topic: string; readonly payload: string },
): boolean {
  if (topic !== linkTopic(uuid)) return false;
  const parsed = report.safeParse(parseJson(payload));
  return parsed.success && master.send(parsed.data.from, { c: 'HEAT', on: parsed.data.temp < COMFORT_C });
}
