# What queries over the log have in common is worked out once, which a policy
# cannot say but whoever writes Rego would.
package policy

events := json.unmarshal(input.events).Events

tags := [e | some e in events; e.EventTypeString == "EV_EVENT_TAG"]

# What the boot manager, the loader and the system measured, and of that what
# they measured into PCR 12 and its DRTM twin.
boundaries := [e.ProcessedData.EVENT_TRUSTBOUNDARY | some e in tags; e.PcrIndex in {12, 13, 19, 20}]

details := [e.ProcessedData.EVENT_TRUSTBOUNDARY | some e in tags; e.PcrIndex in {12, 19}]

authorities := [e.ProcessedData.EVENT_TRUSTBOUNDARY | some e in tags; e.PcrIndex == 13]

said(list, name) := {t[name] | some t in list}

# Variables of the firmware.
variables := [e.ProcessedData |
	some e in events
	e.EventTypeString == "EV_EFI_VARIABLE_DRIVER_CONFIG"
	e.ProcessedData.VariableGuid == "8BE4DF61-93CA-11D2-AA0D-00E098032B8C"
]

secure_boot := [v | some v in variables; v.UnicodeName == "SecureBoot"]

default secure_boot_on := false

secure_boot_on if {
	count(secure_boot) == 1
	secure_boot[0].VariableData == "AQ"
}

issued.secureBootEnabled := secure_boot_on

issued.secureBootCustomPolicy := [e.ProcessedData.VariableData |
	some e in events
	e.EventTypeString == "EV_EFI_VARIABLE_DRIVER_CONFIG"
	e.PcrIndex == 7
	e.ProcessedData.UnicodeName == "CurrentPolicy"
	e.ProcessedData.VariableGuid == "77FA9ABD-0359-4D32-BD60-28F4E78F784B"
][0]

# Switches: every event that says something must say the same.
issued.codeIntegrityEnabled := said(boundaries, "EVENT_CODEINTEGRITY") == {true}

issued.bootDebuggingDisabled := said(boundaries, "EVENT_BOOTDEBUGGING") == {false}

issued.osKernelDebuggingDisabled := said(boundaries, "EVENT_OSKERNELDEBUG") == {false}

issued.testSigningDisabled := said(boundaries, "EVENT_TESTSIGNING") == {false}

issued.flightSigningNotEnabled := said(boundaries, "EVENT_FLIGHTSIGNING") == {false}

issued.iommuEnabled := said(boundaries, "EVENT_VBS_IOMMU_REQUIRED") == {true}

issued.notSafeMode := said(boundaries, "EVENT_SAFEMODE") in {{false}, set()}

issued.notWinPE := said(boundaries, "EVENT_WINPE") in {{false}, set()}

issued.vbsEnabled := said(details, "EVENT_VBS_VSM_REQUIRED") | said(details, "EVENT_VBS_MANDATORY_ENFORCEMENT") == {true}

issued.hvciEnabled := {p.Value |
	some p in said(details, "EVENT_VBS_HVCI_POLICY")
	p.String == "HypervisorEnforcedCodeIntegrityEnable"
} == {1}

# BitLocker: the first value that is not zero.
unlocked := [t.EVENT_BITLOCKER_UNLOCK.Value | some t in details; t.EVENT_BITLOCKER_UNLOCK.Value != 0]

issued.bitlockerEnabledValue := unlocked[0]

issued.bitlockerEnabled := count(unlocked) > 0

# The policy asks whether a list is not null, which a list never is.
issued.WindowsDefenderElamDriverLoaded := [m |
	some t in boundaries
	some m in t.EVENT_LOADEDMODULE_AGGREGATION
	m.EVENT_IMAGEVALIDATED == true
	lower(m.EVENT_FILEPATH) in {`\windows\system32\drivers\wdboot.sys`, `\windows\system32\drivers\wd\wdboot.sys`}
] != null

prevention := [t.EVENT_DATAEXECUTIONPREVENTION.Value | some t in boundaries]

issued.depPolicy := prevention[count(prevention) - 1]

issued.depPolicy := 0 if count(prevention) == 0

# Lists and revocations of code integrity.
issued.osRevListInfo := [t.EVENT_OS_REVOCATION_LIST.RawData | some t in authorities][0]

issued.bootRevListInfo := [t.EVENT_BOOT_REVOCATION_LIST.RawData | some t in authorities][0]

integrity_policies := [p.RawData | some t in authorities; some p in t.EVENT_SI_POLICY]

issued.codeIntegrityPolicy := integrity_policies[0] if count(integrity_policies) == 1

issued.codeIntegrityPolicy := integrity_policies if count(integrity_policies) > 1

# The boot manager's version is the first one before the first separator, the
# boot application's the first one after its first module.
separators := [e.EventSeq | some e in events; e.EventTypeString == "EV_SEPARATOR"; e.PcrIndex in {12, 13, 14}]

before := [e | some e in tags; e.EventSeq < separators[0]] if count(separators) > 0

before := tags if count(separators) == 0

versions := [e | some e in before; e.PcrIndex == 12; e.ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_APPLICATION_SVN]

issued.bootMgrSvn := versions[0].ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_APPLICATION_SVN

transfers := [e.EventSeq |
	some e in before
	e.EventSeq >= versions[0].EventSeq
	e.PcrIndex == 12
	e.ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_TRANSFER_CONTROL.Value in {1, 2}
]

modules := [e.EventSeq |
	some e in before
	e.EventSeq > transfers[0]
	e.PcrIndex == 13
	svns := [m.EVENT_MODULE_SVN | some m in e.ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_LOADEDMODULE_AGGREGATION]
	count(svns) > 0
]

issued.bootAppSvn := [e.ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_APPLICATION_SVN |
	some e in before
	e.EventSeq > modules[0]
	e.PcrIndex == 12
][0]

decision := {"permit": true, "issued": issued, "properties": {}}
