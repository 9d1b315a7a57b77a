/** Reason codes of MQTT 5 (section 2.4), those that are used here. */
export const REASON = {
  success: 0,
  disconnectWithWill: 4,
  noMatchingSubscribers: 16,
  noSubscriptionExisted: 17,
  malformedPacket: 129,
  protocolError: 130,
  clientIdNotValid: 133,
  badUserNameOrPassword: 134,
  notAuthorized: 135,
  banned: 138,
  keepAliveTimeout: 141,
  sessionTakenOver: 142,
  topicFilterInvalid: 143,
  topicNameInvalid: 144,
  packetIdNotFound: 146,
  packetTooLarge: 149,
  administrativeAction: 152,
} as const;

/** The return codes of MQTT 3.1.1 (section 3.2.2.3) and the reason codes of MQTT 5 for one refusal. */
export const REFUSALS = {
  clientIdNotValid: { returnCode: 2, reasonCode: REASON.clientIdNotValid },
  badUserNameOrPassword: { returnCode: 4, reasonCode: REASON.badUserNameOrPassword },
  notAuthorized: { returnCode: 5, reasonCode: REASON.notAuthorized },
  banned: { returnCode: 5, reasonCode: REASON.banned },
} as const;

/** What a refused SUBSCRIBE or PUBLISH is answered in MQTT 3.1.1 (section 3.9.3). */
export const SUBACK_FAILURE = 128;
