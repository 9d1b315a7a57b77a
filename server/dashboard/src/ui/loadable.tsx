import { type ComponentType, lazy, useState } from 'react';

/** A component in a file of its own, which is loaded when it is first shown, or before by `preload`. */
export type Loadable<Props extends object> = ComponentType<Props> & {
  /** Loads the file. Never rejects: whoever shows the component loads it again, and reports a failure. */
  preload(): Promise<void>;
};

/**
 * Like React's `lazy`, but a component that has been loaded is there at once. A lazy one suspends even so when it is first
 * shown, and React leaves the placeholder on the screen for 300 ms.
 */
export function loadable<Props extends object>(load: () => Promise<ComponentType<Props>>): Loadable<Props> {
  let loaded: ComponentType<Props> | undefined;
  const loading = async () => {
    loaded = await load();
    return { default: loaded };
  };
  const Lazy: ComponentType<Props> = lazy(loading);
  // biome-ignore lint/correctness/noComponentHookFactories: made once for each file, not while something is rendered
  function Loaded(props: Props) {
    // One of the two for as long as it is shown: a change would mount it anew.
    const [Component] = useState(() => loaded ?? Lazy);
    return <Component {...props} />;
  }
  const preload = async () => {
    await loading().catch(() => {});
  };
  return Object.assign(Loaded, { preload });
}
