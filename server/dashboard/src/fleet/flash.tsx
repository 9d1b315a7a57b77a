import { useState } from 'react';
import type { DeviceKey } from '../api/fleet.ts';
import { CodeBlock, Copyable } from '../ui/copy.tsx';
import { Notice } from '../ui/notice.tsx';
import { QrCode } from '../ui/qr-code.tsx';
import { type Board, boards, isOutOfReach, sketch } from './sketch.ts';

const BOARDS = ['esp8266', 'esp32'] as const;

/** What goes onto the chip: UUID and key, as text, QR code and complete sketch. */
export function Flash({ identity }: { readonly identity: DeviceKey }) {
  const [board, setBoard] = useState<Board>('esp8266');
  return (
    <div className="stack">
      <div className="identity">
        <QrCode
          text={JSON.stringify({ uuid: identity.id, key: identity.key })}
          label="QR code of the UUID and the key"
        />
        <dl className="facts">
          <dt>UUID</dt>
          <dd>
            <Copyable text={identity.id} label="Copy the UUID" />
          </dd>
          <dt>Key</dt>
          <dd>
            <Copyable text={identity.key} label="Copy the key" />
          </dd>
          <dt>Role</dt>
          <dd>{identity.role}</dd>
        </dl>
      </div>
      <div className="stack-s">
        <div className="spread">
          <h3>Sketch</h3>
          <fieldset className="segmented">
            <legend className="visually-hidden">Board</legend>
            {BOARDS.map((name) => (
              <button key={name} type="button" aria-pressed={board === name} onClick={() => setBoard(name)}>
                {boards[name].name}
              </button>
            ))}
          </fieldset>
        </div>
        {isOutOfReach(identity.header) && (
          <Notice tone="warn">
            You opened the dashboard by an address that no device can reach. Change <code>HOST</code> to the
            address of the server in your network.
          </Notice>
        )}
        <CodeBlock
          text={sketch({ board, header: identity.header })}
          label={`Sketch for the ${boards[board].name}`}
        />
        <p className="small quiet">
          Fill in your Wi-Fi, then upload with the Arduino IDE. Requires the libraries SimpleIoTServer (folder{' '}
          <code>arduino_client/esp8266</code> of this project), PubSubClient and ArduinoJson.
        </p>
      </div>
    </div>
  );
}
