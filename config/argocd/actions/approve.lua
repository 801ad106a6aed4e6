-- Names the plan that is approved: one that was made again since is not approved by this.
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["fractal.lba.io/approve"] = obj.status.planHash
return obj
