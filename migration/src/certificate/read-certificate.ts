/** Reads a certificate file. @throws Error saying what is wrong with it. */
import { type Certificate, canonicalContent, contentIdOf } from './certificate.ts'

export function parseCertificate(text: string): Certificate {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('it is not JSON')
  }
  if (!isCertificate(value)) throw new Error('it is not a migration certificate of a version that this program knows')
  const named = contentIdOf(canonicalContent(value.content))
  if (named !== value.contentId)
    throw new Error(`its content is not what it was issued with: it is named ${value.contentId}, but is ${named}`)
  return value
}

export function certificateText(certificate: Certificate): string {
  return `${JSON.stringify(certificate)}\n`
}

function isCertificate(value: unknown): value is Certificate {
  if (typeof value !== 'object' || value === null) return false
  const { content, contentId } = value as Partial<Certificate>
  return (
    typeof contentId === 'string' &&
    content?.format === 'fractal-lba/migration-certificate/1' &&
    Array.isArray(content.slots) &&
    content.slots.every(
      (slot) => Number.isInteger(slot?.slot) && typeof slot.before?.digest === 'string' && typeof slot.after?.digest === 'string',
    )
  )
}
