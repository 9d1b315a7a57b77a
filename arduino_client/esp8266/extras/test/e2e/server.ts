/** All that the end-to-end tests take from the server. */
export {
  AGENT_SECRET,
  connectMqtt,
  inbox,
  JWT_SECRET,
  MASTER_SECRET,
  type Stack,
  startStack,
} from '../../../../../server/test/harness.ts';
