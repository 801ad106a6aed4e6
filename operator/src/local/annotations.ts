/**
 * Sets and removes annotations in a manifest file without touching anything else in it: comments and layout stay. Used by the verbs of
 * the command line and by the operator, which takes out what it has consumed.
 */
import { readFile } from 'node:fs/promises'
import { type Document, isMap, parseAllDocuments } from 'yaml'
import { replaceFile } from './atomic-file.ts'
import { withEditLock } from './edit-lock.ts'

/** Where an object stands. */
export interface Place {
  readonly folder: string
  readonly file: string
  readonly name: string
}

export function setAnnotation(place: Place, key: string, value: string): Promise<boolean> {
  return edit(place, (document) => {
    document.setIn(['metadata', 'annotations', key], value)
    return true
  })
}

/** Removes the annotation if it still has `value`: one that was set anew meanwhile is another order and stays. */
export function removeAnnotation(place: Place, key: string, value: string): Promise<boolean> {
  return edit(place, (document) => {
    const path = ['metadata', 'annotations', key]
    if (String(document.getIn(path)) !== value) return false
    document.deleteIn(path)
    const left = document.getIn(['metadata', 'annotations'])
    if (isMap(left) && left.items.length === 0) document.deleteIn(['metadata', 'annotations'])
    return true
  })
}

async function edit(place: Place, change: (document: Document) => boolean): Promise<boolean> {
  return withEditLock(place.folder, async () => {
    const documents = parseAllDocuments(await readFile(place.file, 'utf8'))
    if (!Array.isArray(documents)) return false
    const document = documents.find(
      (candidate) => candidate.errors.length === 0 && candidate.getIn(['metadata', 'name']) === place.name,
    )
    if (!document || !change(document as unknown as Document)) return false
    const text = documents.map((each) => each.toString({ lineWidth: 0 })).join('')
    await replaceFile(place.file, text)
    return true
  })
}
