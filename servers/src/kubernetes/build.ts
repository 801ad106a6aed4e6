/** Builds the programs of `programs.ts`, each once, into the cluster's part of the cache. */
import { type GoModulePrograms, GoPrograms } from '../go-programs.ts'

const programs = new GoPrograms('cluster')
export const clusterCache = programs.home
export const binDirectory = programs.binDirectory

/** Path of a built program. */
export const programPath = (name: string): string => programs.path(name)

/** Builds what is not there yet, saying so line by line. */
export const ensurePrograms = (sets: readonly GoModulePrograms[], say: (line: string) => void): Promise<void> =>
  programs.ensure(sets, say)
