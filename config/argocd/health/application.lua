-- Health of an Application, so that a wave of Applications waits for the one before.
if obj.status ~= nil and obj.status.health ~= nil and obj.status.health.status ~= nil then
  return { status = obj.status.health.status, message = obj.status.health.message or "" }
end
return { status = "Progressing", message = "" }
