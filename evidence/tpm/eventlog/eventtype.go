package eventlog

import "fmt"

// EventType is what an event says it is. No PCR proves it.
type EventType uint32

// The types of the TCG's PC Client Platform Firmware Profile, section 10.4.1,
// that this package looks into.
const (
	EvPostCode                   EventType = 0x1
	EvNoAction                   EventType = 0x3
	EvSeparator                  EventType = 0x4
	EvAction                     EventType = 0x5
	EvEventTag                   EventType = 0x6
	EvSCRTMContents              EventType = 0x7
	EvSCRTMVersion               EventType = 0x8
	EvPlatformConfigFlags        EventType = 0xa
	EvTableOfDevices             EventType = 0xb
	EvCompactHash                EventType = 0xc
	EvIPL                        EventType = 0xd
	EvNonhostInfo                EventType = 0x11
	EvPostCode2                  EventType = 0x13
	EvEFIVariableDriverConfig    EventType = 0x80000001
	EvEFIVariableBoot            EventType = 0x80000002
	EvEFIBootServicesApplication EventType = 0x80000003
	EvEFIBootServicesDriver      EventType = 0x80000004
	EvEFIRuntimeServicesDriver   EventType = 0x80000005
	EvEFIGPTEvent                EventType = 0x80000006
	EvEFIAction                  EventType = 0x80000007
	EvEFIPlatformFirmwareBlob    EventType = 0x80000008
	EvEFIHandoffTables           EventType = 0x80000009
	EvEFIPlatformFirmwareBlob2   EventType = 0x8000000a
	EvEFIHandoffTables2          EventType = 0x8000000b
	EvEFIVariableBoot2           EventType = 0x8000000c
	EvEFIGPTEvent2               EventType = 0x8000000d
	EvEFIHCRTMEvent              EventType = 0x80000010
	EvEFIVariableAuthority       EventType = 0x800000e0
	EvEFISPDMDevicePolicy        EventType = 0x800000e3
	EvEFISPDMDeviceAuthority     EventType = 0x800000e4

	// IMAMeasurement is the type that entries of IMA's log are given here. They
	// have none of their own; policies know them by this type's name.
	IMAMeasurement EventType = 0x14
)

// String gives the name that policies read as EventTypeString.
func (t EventType) String() string {
	if name := tcgTypeName(t); name != "" {
		return name
	}
	if name := efiTypeName(t); name != "" {
		return name
	}
	if name := txtTypeName(t); name != "" {
		return name
	}
	return fmt.Sprintf("EV_0x%08X", uint32(t))
}

func tcgTypeName(t EventType) string {
	names := [...]string{
		"EV_PREBOOT_CERT", "EV_POST_CODE", "EV_UNUSED", "EV_NO_ACTION", "EV_SEPARATOR", "EV_ACTION", "EV_EVENT_TAG",
		"EV_S_CRTM_CONTENTS", "EV_S_CRTM_VERSION", "EV_CPU_MICROCODE", "EV_PLATFORM_CONFIG_FLAGS", "EV_TABLE_OF_DEVICES",
		"EV_COMPACT_HASH", "EV_IPL", "EV_IPL_PARTITION_DATA", "EV_NONHOST_CODE", "EV_NONHOST_CONFIG", "EV_NONHOST_INFO",
		"EV_OMIT_BOOT_DEVICE_EVENTS", "EV_POST_CODE2", "IMA_MEASUREMENT_EVENT",
	}
	if int64(t) < int64(len(names)) {
		return names[t]
	}
	return ""
}

func efiTypeName(t EventType) string {
	switch t {
	case 0x80000000:
		return "EV_EFI_EVENT_BASE"
	case EvEFIVariableDriverConfig:
		return "EV_EFI_VARIABLE_DRIVER_CONFIG"
	case EvEFIVariableBoot:
		return "EV_EFI_VARIABLE_BOOT"
	case EvEFIBootServicesApplication:
		return "EV_EFI_BOOT_SERVICES_APPLICATION"
	case EvEFIBootServicesDriver:
		return "EV_EFI_BOOT_SERVICES_DRIVER"
	case EvEFIRuntimeServicesDriver:
		return "EV_EFI_RUNTIME_SERVICES_DRIVER"
	case EvEFIGPTEvent:
		return "EV_EFI_GPT_EVENT"
	case EvEFIAction:
		return "EV_EFI_ACTION"
	case EvEFIPlatformFirmwareBlob:
		return "EV_EFI_PLATFORM_FIRMWARE_BLOB"
	case EvEFIHandoffTables:
		return "EV_EFI_HANDOFF_TABLES"
	case EvEFIPlatformFirmwareBlob2:
		return "EV_EFI_PLATFORM_FIRMWARE_BLOB2"
	case EvEFIHandoffTables2:
		return "EV_EFI_HANDOFF_TABLES2"
	case EvEFIVariableBoot2:
		return "EV_EFI_VARIABLE_BOOT2"
	case EvEFIGPTEvent2:
		return "EV_EFI_GPT_EVENT2"
	case EvEFIHCRTMEvent:
		return "EV_EFI_HCRTM_EVENT"
	case EvEFIVariableAuthority:
		return "EV_EFI_VARIABLE_AUTHORITY"
	case 0x800000e1:
		return "EV_EFI_SPDM_FIRMWARE_BLOB"
	case 0x800000e2:
		return "EV_EFI_SPDM_FIRMWARE_CONFIG"
	case EvEFISPDMDevicePolicy:
		return "EV_EFI_SPDM_DEVICE_POLICY"
	case EvEFISPDMDeviceAuthority:
		return "EV_EFI_SPDM_DEVICE_AUTHORITY"
	default:
		return ""
	}
}

// txtTypeName names the events of a dynamic launch by Intel's TXT.
func txtTypeName(t EventType) string {
	switch t {
	case 0x401:
		return "EV_TXT_PCR_MAPPING"
	case 0x402:
		return "EV_TXT_HASH_START"
	case 0x403:
		return "EV_TXT_COMBINED_HASH"
	case 0x404:
		return "EV_TXT_MLE_HASH"
	case 0x40a:
		return "EV_TXT_BIOSAC_REG_DATA"
	case 0x40b:
		return "EV_TXT_CPU_SCRTM_STAT"
	case 0x40c:
		return "EV_TXT_LCP_CONTROL_HASH"
	case 0x40d:
		return "EV_TXT_ELEMENTS_HASH"
	case 0x40e:
		return "EV_TXT_STM_HASH"
	case 0x40f:
		return "EV_TXT_OSSINITDATA_CAP_HASH"
	case 0x410:
		return "EV_TXT_SINIT_PUBKEY_HASH"
	case 0x411:
		return "EV_TXT_LCP_HASH"
	case 0x412:
		return "EV_TXT_LCP_DETAILS_HASH"
	case 0x413:
		return "EV_TXT_LCP_AUTHORITIES_HASH"
	case 0x414:
		return "EV_TXT_NV_INFO_HASH"
	default:
		return ""
	}
}
