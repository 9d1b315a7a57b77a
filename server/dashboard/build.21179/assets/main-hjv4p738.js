import{e,C,L,Ve,I}from"/assets/main-qcs22shf.js";function Dt({id:i}){let{data:r}=C({...Ve(i),staleTime:30000,retry:!1});return e(L,{href:`/devices/${i}`,className:"link",title:i,children:r?I(r):i.slice(0,8)})}
export{Dt};
