/** A cluster that suites run on. They see a kubeconfig and a way to load an image; breaking its parts is for the suites about faults. */
export interface Cluster {
  /** Path of an administrator's kubeconfig; the file is there once `up` has resolved. */
  readonly kubeconfig: string
  /** Why this machine cannot run it; undefined where it can. Changes nothing that stays. */
  whyNot(): Promise<string | undefined>
  /** Idempotent. @throws Error that says what is missing. */
  up(): Promise<void>
  /** Removes every trace. Idempotent. */
  down(): Promise<void>
  /** From an archive of images (OCI layout or docker save). */
  loadImage(archive: string): Promise<void>
  /** Makes volumes usable again whose claims are gone, with nothing left in them. */
  recycleVolumes(): Promise<void>
  status(): Promise<readonly ComponentState[]>
  stopComponent(name: string, signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Starts a component that was stopped, as it was started before; resolves when it answers. */
  startComponent(name: string): Promise<void>
}

export interface ComponentState {
  readonly name: string
  readonly running: boolean
  readonly log: string
}
