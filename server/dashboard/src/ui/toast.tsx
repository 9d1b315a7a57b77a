import { Toast } from '@base-ui/react/toast';
import { IconButton } from './button.tsx';
import { Icon } from './icon.tsx';

const manager = Toast.createToastManager();

/** Tells of what has been done, in the corner, for a few seconds; read out to screen readers. */
export function toast(title: string, description?: string): void {
  manager.add({ title, description, type: 'done' });
}

export function toastError(title: string, description?: string): void {
  manager.add({ title, description, type: 'error', timeout: 12_000, priority: 'high' });
}

export function Toasts() {
  return (
    <Toast.Provider toastManager={manager} limit={3}>
      <Toast.Portal>
        <Toast.Viewport className="toasts" aria-label="Notifications">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function ToastList() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((each) => (
    <Toast.Root key={each.id} toast={each} className="toast">
      <Toast.Content className="toast-content">
        <Icon name={each.type === 'error' ? 'alert' : 'check'} />
        <Toast.Title />
        <Toast.Close render={<IconButton small label="Dismiss" icon="close" />} />
        <Toast.Description />
      </Toast.Content>
    </Toast.Root>
  ));
}
