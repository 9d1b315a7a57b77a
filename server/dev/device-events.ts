import type { Command } from '../contract/messages.ts';
import type { CallFailure } from './device-http.ts';

/** What a device client tells of itself. */
export type DeviceEvent =
  | { readonly type: 'token'; readonly username: string; readonly expiresInSeconds: number }
  | { readonly type: 'broker'; readonly address: string }
  | { readonly type: 'connected' }
  /** Subscribed: messages go both ways. */
  | { readonly type: 'online'; readonly denied: readonly string[] }
  | { readonly type: 'offline' }
  | { readonly type: 'failure'; readonly failure: DeviceFailure; readonly waitMs: number }
  | { readonly type: 'message'; readonly topic: string; readonly payload: string }
  | { readonly type: 'command'; readonly command: Command }
  | { readonly type: 'acknowledged'; readonly n: number };

export type DeviceFailure =
  | CallFailure
  | { readonly reason: 'broker_refused' | 'broker_unreachable'; readonly message: string };
