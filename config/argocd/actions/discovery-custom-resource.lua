-- Which verbs the present phase allows. The operator refuses the others anyway, with a Warning event.
local status = obj.status or {}

local function holds(wanted)
  for _, each in ipairs(status.conditions or {}) do
    if each.type == wanted then
      return each.status == "True"
    end
  end
  return false
end

local over = status.phase == "Completed" or status.phase == "Failed"
local undoing = status.phase == "RollingBack" or (status.halt ~= nil and status.halt.kind ~= "Freeze")
local waits = status.planHash ~= nil and not holds("PlanApproved")
local paused = holds("Paused")

return {
  ["approve"] = { ["disabled"] = over or undoing or not waits },
  ["abort"] = { ["disabled"] = over or undoing },
  ["pause"] = { ["disabled"] = over or undoing or paused },
  ["resume"] = { ["disabled"] = over or not paused },
  ["retry"] = { ["disabled"] = status.phase == "Completed" or status.halt == nil },
}
