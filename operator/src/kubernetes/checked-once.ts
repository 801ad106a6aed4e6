/** Objects look at each other, and each would check all: what was checked is not checked again, since objects of a cache never change. */
export function checkedOnce<Result>(check: (value: unknown) => Result): (value: unknown) => Result {
  const checked = new WeakMap<object, Result>()
  return (value) => {
    if (typeof value !== 'object' || value === null) return check(value)
    const result = checked.get(value) ?? check(value)
    checked.set(value, result)
    return result
  }
}
