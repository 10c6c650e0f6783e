package eventlog

func osTag(id uint32) (tagInfo, bool) {
	switch id {
	case 0x00050001:
		return tagInfo{"OSKERNELDEBUG", kindBool}, true
	case 0x00050002:
		return tagInfo{"CODEINTEGRITY", kindBool}, true
	case 0x00050003:
		return tagInfo{"TESTSIGNING", kindBool}, true
	case 0x00050004:
		return tagInfo{"DATAEXECUTIONPREVENTION", kindEnum}, true
	case 0x00050005:
		return tagInfo{"SAFEMODE", kindBool}, true
	case 0x00050006:
		return tagInfo{"WINPE", kindBool}, true
	case 0x00050007:
		return tagInfo{"PHYSICALADDRESSEXTENSION", kindBool}, true
	case 0x00050008:
		return tagInfo{"OSDEVICE", kindEnum}, true
	case 0x00050009:
		return tagInfo{"SYSTEMROOT", kindText}, true
	case 0x0005000a:
		return tagInfo{"HYPERVISOR_LAUNCH_TYPE", kindEnum}, true
	case 0x0005000b:
		return tagInfo{"HYPERVISOR_PATH", kindText}, true
	case 0x0005000c:
		return tagInfo{"HYPERVISOR_IOMMU_POLICY", kindEnum}, true
	case 0x0005000d:
		return tagInfo{"HYPERVISOR_DEBUG", kindBool}, true
	case 0x0005000e:
		return tagInfo{"DRIVER_LOAD_POLICY", kindEnum}, true
	case 0x0005000f:
		return tagInfo{"SI_POLICY", kindList}, true
	case 0x00050010:
		return tagInfo{"HYPERVISOR_MMIO_NX_POLICY", kindEnum}, true
	case 0x00050011:
		return tagInfo{"HYPERVISOR_MSR_FILTER_POLICY", kindEnum}, true
	case 0x00050012:
		return tagInfo{"VSM_LAUNCH_TYPE", kindEnum}, true
	case 0x00050013:
		return tagInfo{"OS_REVOCATION_LIST", kindRaw}, true
	case 0x00050014:
		return tagInfo{"SMT_STATUS", kindEnum}, true
	case 0x00050020:
		return tagInfo{"VSM_IDK_INFO", kindRaw}, true
	case 0x00050021:
		return tagInfo{"FLIGHTSIGNING", kindBool}, true
	case 0x00050022:
		return tagInfo{"PAGEFILE_ENCRYPTION_ENABLED", kindBool}, true
	case 0x00050023:
		return tagInfo{"VSM_IDKS_INFO", kindRaw}, true
	case 0x00050024:
		return tagInfo{"HIBERNATION_DISABLED", kindBool}, true
	case 0x00050025:
		return tagInfo{"DUMPS_DISABLED", kindBool}, true
	case 0x00050026:
		return tagInfo{"DUMP_ENCRYPTION_ENABLED", kindBool}, true
	case 0x00050027:
		return tagInfo{"DUMP_ENCRYPTION_KEY_DIGEST", kindRaw}, true
	case 0x00050028:
		return tagInfo{"LSAISO_CONFIG", kindEnum}, true
	case 0x00050029:
		return tagInfo{"SBCP_INFO", kindRaw}, true
	case 0x00050030:
		return tagInfo{"HYPERVISOR_BOOT_DMA_PROTECTION", kindBool}, true
	case 0x00050031:
		return tagInfo{"SI_POLICY_SIGNER", kindList}, true
	case 0x00050032:
		return tagInfo{"SI_POLICY_UPDATE_SIGNER", kindList}, true
	case 0x00050033:
		return tagInfo{"REFS_VOLUME_CHECKPOINT_RECORD_CHECKSUM", kindList}, true
	case 0x00050034:
		return tagInfo{"REFS_ROLLBACK_PROTECTION_FROZEN_VOLUME_CHECKSUM", kindList}, true
	case 0x00050035:
		return tagInfo{"REFS_ROLLBACK_PROTECTION_USER_PAYLOAD_HASH", kindList}, true
	case 0x00050036:
		return tagInfo{"REFS_ROLLBACK_PROTECTION_VERIFICATION_SUCCEEDED", kindList}, true
	case 0x00050037:
		return tagInfo{"REFS_ROLLBACK_PROTECTION_VOLUME_FIRST_EVER_MOUNT", kindList}, true
	case 0x0005003a:
		return tagInfo{"VSM_SEALED_SI_POLICY", kindList}, true
	case 0x0005003b:
		return tagInfo{"VSM_DRTM_KEYROLL_DETECTED", kindRaw}, true
	case 0x0005003c:
		return tagInfo{"VSM_SRTM_UNSEAL_POLICY", kindRaw}, true
	case 0x0005003d:
		return tagInfo{"VSM_SRTM_ANTI_ROLLBACK_COUNTER", kindRaw}, true
	case 0x00050040:
		return tagInfo{"VTL1_DUMP_CONFIG", kindRaw}, true
	}
	return tagInfo{}, false
}

func moduleTag(id uint32) (tagInfo, bool) {
	switch id {
	case 0x00060001:
		return tagInfo{"NOAUTHORITY", kindRaw}, true
	case 0x00060002:
		return tagInfo{"AUTHORITYPUBKEY", kindList}, true
	case 0x00070001:
		return tagInfo{"FILEPATH", kindText}, true
	case 0x00070002:
		return tagInfo{"IMAGESIZE", kindNumber}, true
	case 0x00070003:
		return tagInfo{"HASHALGORITHMID", kindNumber}, true
	case 0x00070004:
		return tagInfo{"AUTHENTICODEHASH", kindRaw}, true
	case 0x00070005:
		return tagInfo{"AUTHORITYISSUER", kindText}, true
	case 0x00070006:
		return tagInfo{"AUTHORITYSERIAL", kindRaw}, true
	case 0x00070007:
		return tagInfo{"IMAGEBASE", kindNumber}, true
	case 0x00070008:
		return tagInfo{"AUTHORITYPUBLISHER", kindText}, true
	case 0x00070009:
		return tagInfo{"AUTHORITYSHA1THUMBPRINT", kindRaw}, true
	case 0x0007000a:
		return tagInfo{"IMAGEVALIDATED", kindBool}, true
	case 0x0007000b:
		return tagInfo{"MODULE_SVN", kindNumber}, true
	case 0x0007000c:
		return tagInfo{"MODULE_PLUTON", kindRaw}, true
	case 0x0007000d:
		return tagInfo{"MODULE_ORIGINAL_FILENAME", kindText}, true
	case 0x0007000e:
		return tagInfo{"MODULE_VERSION", kindRaw}, true
	case 0x0007000f:
		return tagInfo{"PUBLISHER_OEMNAME", kindText}, true
	}
	return tagInfo{}, false
}

func otherTag(id uint32) (tagInfo, bool) {
	switch id {
	case 0x80080001:
		return tagInfo{"QUOTE", kindRaw}, true
	case 0x80080002:
		return tagInfo{"QUOTESIGNATURE", kindRaw}, true
	case 0x80080003:
		return tagInfo{"AIKID", kindRaw}, true
	case 0x80080004:
		return tagInfo{"AIKPUBDIGEST", kindRaw}, true
	case 0x00090001:
		return tagInfo{"ELAM_KEYNAME", kindText}, true
	case 0x00090002:
		return tagInfo{"ELAM_CONFIGURATION", kindRaw}, true
	case 0x00090003:
		return tagInfo{"ELAM_POLICY", kindRaw}, true
	case 0x00090004:
		return tagInfo{"ELAM_MEASURED", kindRaw}, true
	case 0x000a0001:
		return tagInfo{"VBS_VSM_REQUIRED", kindBool}, true
	case 0x000a0002:
		return tagInfo{"VBS_SECUREBOOT_REQUIRED", kindBool}, true
	case 0x000a0003:
		return tagInfo{"VBS_IOMMU_REQUIRED", kindBool}, true
	case 0x000a0004:
		return tagInfo{"VBS_MMIO_NX_REQUIRED", kindBool}, true
	case 0x000a0005:
		return tagInfo{"VBS_MSR_FILTERING_REQUIRED", kindBool}, true
	case 0x000a0006:
		return tagInfo{"VBS_MANDATORY_ENFORCEMENT", kindBool}, true
	case 0x000a0007:
		return tagInfo{"VBS_HVCI_POLICY", kindEnum}, true
	case 0x000a0008:
		return tagInfo{"VBS_MICROSOFT_BOOT_CHAIN_REQUIRED", kindBool}, true
	case 0x000a0009:
		return tagInfo{"VBS_DUMP_USES_AMEROOT", kindBool}, true
	case 0x000a000a:
		return tagInfo{"VBS_VSM_NOSECRETS_ENFORCED", kindBool}, true
	case 0x000b0001:
		return tagInfo{"KSR_SIGNATURE", kindRaw}, true
	case 0x000c0001:
		return tagInfo{"DRTM_STATE_AUTH", kindRaw}, true
	case tagSMM:
		return tagInfo{"DRTM_SMM", kindEnum}, true
	case 0x000c0003:
		return tagInfo{"DRTM_AMD_SMM_HASH", kindRaw}, true
	case 0x000c0004:
		return tagInfo{"DRTM_AMD_SMM_SIGNER_KEY", kindRaw}, true
	}
	return tagInfo{}, false
}
