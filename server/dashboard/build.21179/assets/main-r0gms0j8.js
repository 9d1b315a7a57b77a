async function ve(e){await Promise.all(["devices","device","summary","audit","timeline","diagnosis"].map((i)=>e.invalidateQueries({queryKey:[i]})))}
export{ve};
