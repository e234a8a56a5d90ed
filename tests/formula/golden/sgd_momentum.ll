; ModuleID = "formula"
target triple = "unknown-unknown-unknown"
target datalayout = ""

define void @"step0"(i64 %".1", i64 %".2", i64 %".3") noinline optsize
{
entry:
  %".5" = inttoptr i64 %".1" to i64*
  %".6" = getelementptr i64, i64* %".5", i64 0
  %".7" = load i64, i64* %".6"
  %".8" = inttoptr i64 %".7" to i64*
  %".9" = getelementptr i64, i64* %".5", i64 1
  %".10" = load i64, i64* %".9"
  %".11" = inttoptr i64 %".10" to double*
  %".12" = getelementptr i64, i64* %".5", i64 2
  %".13" = load i64, i64* %".12"
  %".14" = inttoptr i64 %".13" to double*
  %".15" = getelementptr i64, i64* %".5", i64 3
  %".16" = load i64, i64* %".15"
  %".17" = inttoptr i64 %".16" to i64*
  %".18" = getelementptr i64, i64* %".5", i64 4
  %".19" = load i64, i64* %".18"
  %".20" = inttoptr i64 %".19" to i64*
  %".21" = getelementptr i64, i64* %".5", i64 5
  %".22" = load i64, i64* %".21"
  %".23" = inttoptr i64 %".22" to i64*
  %".24" = getelementptr i64, i64* %".5", i64 6
  %".25" = load i64, i64* %".24"
  %".26" = inttoptr i64 %".25" to i64*
  %".27" = getelementptr i64, i64* %".5", i64 7
  %".28" = load i64, i64* %".27"
  %".29" = inttoptr i64 %".28" to double*
  %".30" = icmp slt i64 %".2", %".3"
  br i1 %".30", label %"body", label %"after"
body:
  %".32" = phi  i64 [%".2", %"entry"], [%".90", %"body.endif"]
  %".33" = mul i64 %".32", 3
  %".34" = add i64 %".33", 1
  %".35" = getelementptr i64, i64* %".17", i64 %".34"
  %".36" = load i64, i64* %".35"
  %".37" = icmp ne i64 %".36", 0
  br i1 %".37", label %"body.if", label %"body.endif"
after:
  ret void
body.if:
  %".39" = mul i64 %".32", 8
  %".40" = add i64 %".39", 0
  %".41" = getelementptr i64, i64* %".23", i64 %".40"
  %"elements" = load i64, i64* %".41"
  %".42" = mul i64 %".32", 8
  %".43" = add i64 %".42", 1
  %".44" = getelementptr i64, i64* %".23", i64 %".43"
  %"matrices" = load i64, i64* %".44"
  %".45" = mul i64 %".32", 8
  %".46" = add i64 %".45", 2
  %".47" = getelementptr i64, i64* %".23", i64 %".46"
  %"rows" = load i64, i64* %".47"
  %".48" = mul i64 %".32", 8
  %".49" = add i64 %".48", 3
  %".50" = getelementptr i64, i64* %".23", i64 %".49"
  %"columns" = load i64, i64* %".50"
  %".51" = mul i64 %".32", 8
  %".52" = add i64 %".51", 4
  %".53" = getelementptr i64, i64* %".23", i64 %".52"
  %"pieces" = load i64, i64* %".53"
  %".54" = mul i64 %".32", 8
  %".55" = add i64 %".54", 5
  %".56" = getelementptr i64, i64* %".23", i64 %".55"
  %"first_chunk" = load i64, i64* %".56"
  %".57" = mul i64 %".32", 8
  %".58" = add i64 %".57", 6
  %".59" = getelementptr i64, i64* %".23", i64 %".58"
  %"end_chunk" = load i64, i64* %".59"
  %".60" = mul i64 %".32", 8
  %".61" = add i64 %".60", 7
  %".62" = getelementptr i64, i64* %".23", i64 %".61"
  %"settings" = load i64, i64* %".62"
  %".63" = mul i64 %"settings", 3
  %".64" = add i64 %".63", 0
  %".65" = getelementptr double, double* %".11", i64 %".64"
  %".66" = load double, double* %".65"
  %".67" = mul i64 %"settings", 3
  %".68" = add i64 %".67", 1
  %".69" = getelementptr double, double* %".11", i64 %".68"
  %".70" = load double, double* %".69"
  %".71" = mul i64 %"settings", 3
  %".72" = add i64 %".71", 2
  %".73" = getelementptr double, double* %".11", i64 %".72"
  %".74" = load double, double* %".73"
  %".75" = fsub double 0x3ff0000000000000, %".74"
  %".76" = fneg double %".66"
  %".77" = mul i64 %".32", 3
  %".78" = add i64 %".77", 0
  %".79" = getelementptr double, double* %".14", i64 %".78"
  store double %".70", double* %".79"
  %".81" = mul i64 %".32", 3
  %".82" = add i64 %".81", 1
  %".83" = getelementptr double, double* %".14", i64 %".82"
  store double %".75", double* %".83"
  %".85" = mul i64 %".32", 3
  %".86" = add i64 %".85", 2
  %".87" = getelementptr double, double* %".14", i64 %".86"
  store double %".76", double* %".87"
  br label %"body.endif"
body.endif:
  %".90" = add nsw i64 %".32", 1
  %".91" = icmp slt i64 %".90", %".3"
  br i1 %".91", label %"body", label %"after"
}

define void @"step1"(i64 %".1", i64 %".2", i64 %".3") noinline
{
entry:
  %".5" = inttoptr i64 %".1" to i64*
  %".6" = getelementptr i64, i64* %".5", i64 0
  %".7" = load i64, i64* %".6"
  %".8" = inttoptr i64 %".7" to i64*
  %".9" = getelementptr i64, i64* %".5", i64 1
  %".10" = load i64, i64* %".9"
  %".11" = inttoptr i64 %".10" to double*
  %".12" = getelementptr i64, i64* %".5", i64 2
  %".13" = load i64, i64* %".12"
  %".14" = inttoptr i64 %".13" to double*
  %".15" = getelementptr i64, i64* %".5", i64 3
  %".16" = load i64, i64* %".15"
  %".17" = inttoptr i64 %".16" to i64*
  %".18" = getelementptr i64, i64* %".5", i64 4
  %".19" = load i64, i64* %".18"
  %".20" = inttoptr i64 %".19" to i64*
  %".21" = getelementptr i64, i64* %".5", i64 5
  %".22" = load i64, i64* %".21"
  %".23" = inttoptr i64 %".22" to i64*
  %".24" = getelementptr i64, i64* %".5", i64 6
  %".25" = load i64, i64* %".24"
  %".26" = inttoptr i64 %".25" to i64*
  %".27" = getelementptr i64, i64* %".5", i64 7
  %".28" = load i64, i64* %".27"
  %".29" = inttoptr i64 %".28" to double*
  %".30" = alloca double, i32 1
  %".31" = icmp slt i64 %".2", %".3"
  br i1 %".31", label %"body", label %"after"
body:
  %".33" = phi  i64 [%".2", %"entry"], [%".90", %"body.endif"]
  %".34" = mul i64 %".33", 9
  %".35" = add i64 %".34", 0
  %".36" = getelementptr i64, i64* %".26", i64 %".35"
  %"tensor" = load i64, i64* %".36"
  %".37" = mul i64 %".33", 9
  %".38" = add i64 %".37", 1
  %".39" = getelementptr i64, i64* %".26", i64 %".38"
  %"streams" = load i64, i64* %".39"
  %".40" = mul i64 %".33", 9
  %".41" = add i64 %".40", 2
  %".42" = getelementptr i64, i64* %".26", i64 %".41"
  %"start" = load i64, i64* %".42"
  %".43" = mul i64 %".33", 9
  %".44" = add i64 %".43", 3
  %".45" = getelementptr i64, i64* %".26", i64 %".44"
  %"matrix" = load i64, i64* %".45"
  %".46" = mul i64 %".33", 9
  %".47" = add i64 %".46", 4
  %".48" = getelementptr i64, i64* %".26", i64 %".47"
  %"matrices" = load i64, i64* %".48"
  %".49" = mul i64 %".33", 9
  %".50" = add i64 %".49", 5
  %".51" = getelementptr i64, i64* %".26", i64 %".50"
  %"row" = load i64, i64* %".51"
  %".52" = mul i64 %".33", 9
  %".53" = add i64 %".52", 6
  %".54" = getelementptr i64, i64* %".26", i64 %".53"
  %"rows" = load i64, i64* %".54"
  %".55" = mul i64 %".33", 9
  %".56" = add i64 %".55", 7
  %".57" = getelementptr i64, i64* %".26", i64 %".56"
  %"columns" = load i64, i64* %".57"
  %".58" = mul i64 %".33", 9
  %".59" = add i64 %".58", 8
  %".60" = getelementptr i64, i64* %".26", i64 %".59"
  %"piece" = load i64, i64* %".60"
  %".61" = mul i64 %"streams", 3
  %".62" = add i64 %".61", 1
  %".63" = getelementptr i64, i64* %".17", i64 %".62"
  %".64" = load i64, i64* %".63"
  %".65" = icmp ne i64 %".64", 0
  br i1 %".65", label %"body.if", label %"body.endif"
after:
  ret void
body.if:
  %".67" = mul i64 %"streams", 3
  %".68" = add i64 %".67", 0
  %".69" = getelementptr i64, i64* %".17", i64 %".68"
  %".70" = load i64, i64* %".69"
  %".71" = inttoptr i64 %".70" to float*
  %".72" = getelementptr float, float* %".71", i64 %"start"
  %".73" = mul i64 %"streams", 3
  %".74" = add i64 %".73", 1
  %".75" = getelementptr i64, i64* %".17", i64 %".74"
  %".76" = load i64, i64* %".75"
  %".77" = inttoptr i64 %".76" to float*
  %".78" = getelementptr float, float* %".77", i64 %"start"
  %".79" = mul i64 %"streams", 3
  %".80" = add i64 %".79", 2
  %".81" = getelementptr i64, i64* %".17", i64 %".80"
  %".82" = load i64, i64* %".81"
  %".83" = inttoptr i64 %".82" to float*
  %".84" = getelementptr float, float* %".83", i64 %"start"
  %".85" = mul i64 %"tensor", 3
  %".86" = add i64 %".85", 0
  %".87" = getelementptr double, double* %".14", i64 %".86"
  call void @"elements_of_step1"(float* %".72", float* %".78", float* %".84", double* %".87", double* %".30", i64 %"matrices", i64 %"rows", i64 %"columns")
  br label %"body.endif"
body.endif:
  %".90" = add nsw i64 %".33", 1
  %".91" = icmp slt i64 %".90", %".3"
  br i1 %".91", label %"body", label %"after"
}

define internal void @"elements_of_step1"(float* noalias %".1", float* noalias %".2", float* noalias %".3", double* noalias %".4", double* noalias %".5", i64 %".6", i64 %".7", i64 %".8") noinline
{
entry:
  %".10" = getelementptr double, double* %".4", i64 0
  %".11" = load double, double* %".10"
  %".12" = fptrunc double %".11" to float
  %".13" = getelementptr double, double* %".4", i64 1
  %".14" = load double, double* %".13"
  %".15" = fptrunc double %".14" to float
  %".16" = getelementptr double, double* %".4", i64 2
  %".17" = load double, double* %".16"
  %".18" = fptrunc double %".17" to float
  %".19" = icmp slt i64 0, %".8"
  br i1 %".19", label %"body", label %"after"
body:
  %".21" = phi  i64 [0, %"entry"], [%".39", %"body"]
  %".22" = add i64 0, %".21"
  %".23" = add i64 0, %".21"
  %".24" = getelementptr float, float* %".3", i64 %".23"
  %".25" = load float, float* %".24"
  %".26" = getelementptr float, float* %".1", i64 %".23"
  %".27" = load float, float* %".26"
  %".28" = getelementptr float, float* %".2", i64 %".23"
  %".29" = load float, float* %".28"
  %".30" = fmul float %".12", %".25"
  %".31" = fmul float %".15", %".29"
  %".32" = call float @"llvm.fmuladd.f32"(float %".15", float %".29", float %".30")
  %".33" = fmul float %".18", %".32"
  %".34" = call float @"llvm.fmuladd.f32"(float %".18", float %".32", float %".27")
  %".35" = getelementptr float, float* %".1", i64 %".23"
  store float %".34", float* %".35"
  %".37" = getelementptr float, float* %".3", i64 %".23"
  store float %".32", float* %".37"
  %".39" = add nsw i64 %".21", 1
  %".40" = icmp slt i64 %".39", %".8"
  br i1 %".40", label %"body", label %"after"
after:
  ret void
}

declare float @"llvm.fmuladd.f32"(float %".1", float %".2", float %".3")

define void @"run"(i64 %".1", i64 %".2", i64 %".3")
{
entry:
  call void @"step0"(i64 %".1", i64 0, i64 %".2")
  call void @"step1"(i64 %".1", i64 0, i64 %".3")
  ret void
}

define void @"team"(i64 %".1")
{
entry:
  %".3" = inttoptr i64 %".1" to i64*
  %".4" = getelementptr i64, i64* %".3", i64 1
  %".5" = load i64, i64* %".4"
  %".6" = getelementptr i64, i64* %".3", i64 2
  %".7" = load i64, i64* %".6"
  %".8" = getelementptr i64, i64* %".3", i64 3
  %".9" = load i64, i64* %".8"
  %".10" = getelementptr i64, i64* %".3", i64 4
  %".11" = load i64, i64* %".10"
  %".12" = inttoptr i64 %".9" to void (i64, i64, i64)*
  br label %"take"
take:
  %".14" = atomicrmw add i64* %".3", i64 %".7" monotonic
  %".15" = icmp slt i64 %".14", %".5"
  br i1 %".15", label %"work", label %"done"
work:
  %".17" = add i64 %".14", %".7"
  %".18" = icmp slt i64 %".17", %".5"
  %".19" = select  i1 %".18", i64 %".17", i64 %".5"
  call void %".12"(i64 %".11", i64 %".14", i64 %".19")
  br label %"take"
done:
  ret void
}
