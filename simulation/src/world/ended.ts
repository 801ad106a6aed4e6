/** How a migration ended, whoever drove it. */
export interface Ended {
  readonly outcome: 'completed' | 'rolled-back'
}
